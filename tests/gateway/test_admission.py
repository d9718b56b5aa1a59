import asyncio
from contextlib import AsyncExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from gateway import errors
from gateway.admission import Admission
from gateway.identity.apps import App


def app(appkey="app-1", **limits):
    secret = SecretStr("a-secret-key-of-tests")
    return App(name=appkey, appkey=appkey, access_key=appkey, secret_key=secret, **limits)


class Clock:
    """Seconds that a test lets pass."""

    def __init__(self):
        self.time = 1000.0

    def __call__(self):
        return self.time


@pytest.fixture
def clock():
    return Clock()


async def enters(admission, one):
    """Whether a request gets in now; it leaves at once."""
    try:
        async with admission.enter(one):
            return True
    except errors.ExceededConcurrency:
        return False


async def refusal(admission, one):
    with pytest.raises(errors.ExceededConcurrency) as caught:
        async with admission.enter(one):
            pass
    return caught.value


async def test_an_app_over_its_concurrency_is_refused_and_another_is_not(clock):
    admission = Admission(64, clock)
    async with AsyncExitStack() as inside:
        for _ in range(2):
            await inside.enter_async_context(admission.enter(app(max_concurrency=2)))
        error = await refusal(admission, app(max_concurrency=2))
        assert error.detail == "2 requests of this app are in work, the limit is 2"
        assert error.headers == {"Retry-After": "1"}
        assert await enters(admission, app("app-2"))
    assert await enters(admission, app(max_concurrency=2))


async def test_all_apps_together_are_bounded(clock):
    admission = Admission(3, clock)
    async with AsyncExitStack() as inside:
        for number in range(3):
            await inside.enter_async_context(admission.enter(app(f"app-{number}")))
        assert admission.in_flight == 3
        error = await refusal(admission, app("app-9"))
        assert "as many requests as it takes" in error.detail
        assert error.headers == {"Retry-After": "1"}
    assert admission.in_flight == 0
    assert await enters(admission, app("app-9"))


async def test_an_app_sends_a_burst_and_then_its_rate(clock):
    admission, slow = Admission(64, clock), app(requests_per_minute=30)  # one in 2 s, 3 at once
    assert [await enters(admission, slow) for _ in range(4)] == [True, True, True, False]
    assert (await refusal(admission, slow)).headers == {"Retry-After": "2"}
    clock.time += 1.5
    error = await refusal(admission, slow)
    assert error.detail == "over 30 requests a minute"
    assert error.retry_after == pytest.approx(0.5)
    clock.time += 0.5
    assert await enters(admission, slow)
    assert not await enters(admission, slow)
    assert await enters(admission, app("app-2"))


async def test_who_comes_back_when_told_gets_in(clock):
    admission, slow = Admission(64, clock), app(requests_per_minute=7)
    for _ in range(50):
        while await enters(admission, slow):
            pass
        clock.time += int((await refusal(admission, slow)).headers["Retry-After"])
        assert await enters(admission, slow)


async def test_a_long_pause_saves_no_more_than_a_burst(clock):
    admission, slow = Admission(64, clock), app(requests_per_minute=30)
    assert await enters(admission, slow)
    clock.time += 86_400
    assert [await enters(admission, slow) for _ in range(4)] == [True, True, True, False]


async def test_a_refusal_uses_nothing_of_the_rate_up(clock):
    admission, slow = Admission(64, clock), app(requests_per_minute=30, max_concurrency=1)
    async with admission.enter(slow):
        for _ in range(20):
            assert not await enters(admission, slow)
    assert [await enters(admission, slow) for _ in range(3)] == [True, True, False]


async def test_an_app_is_refused_at_once(clock):
    admission, one = Admission(64, clock), app(max_concurrency=1)
    async with admission.enter(one):
        refused = asyncio.ensure_future(enters(admission, one))
        await asyncio.sleep(0)
        assert refused.done()
        assert not refused.result()


class BoomError(Exception):
    pass


async def test_a_permit_comes_back_after_an_error_and_after_a_cancellation(clock):
    admission, one = Admission(1, clock), app(max_concurrency=1)
    with pytest.raises(BoomError):
        async with admission.enter(one):
            raise BoomError

    async def wait_inside():
        async with admission.enter(one):
            await asyncio.Event().wait()

    waiting = asyncio.ensure_future(wait_inside())
    await asyncio.sleep(0)
    assert admission.in_flight == 1
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert admission.in_flight == 0
    assert await enters(admission, one)


EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("enter"), st.integers(0, 2)),
        st.tuples(st.sampled_from(["leave", "fail", "cancel"]), st.integers(0, 30)),
        st.tuples(st.just("pass"), st.floats(0, 20)),
    ),
    max_size=60,
)
LIMITS = [
    {"max_concurrency": 1, "requests_per_minute": 30},
    {"max_concurrency": 3, "requests_per_minute": 60},
    {"max_concurrency": 100, "requests_per_minute": 6000},
]
MAX_IN_FLIGHT = 5
GRAIN = 1e-6  # of a request: seconds are added up in floating point


@given(EVENTS)
def test_whatever_happens_no_limit_is_broken_and_no_permit_lost(events):
    asyncio.run(play(events))


async def play(events):
    """Requests that come, end well or badly, and a model of the limits beside them."""
    clock = Clock()
    admission = Admission(MAX_IN_FLIGHT, clock)
    apps = [app(f"app-{number}", **limits) for number, limits in enumerate(LIMITS)]
    inside: list[tuple[int, asyncio.Task, asyncio.Future]] = []
    let_in: list[list[float]] = [[] for _ in apps]

    async def request(one, ended):
        async with admission.enter(one):
            await ended

    for what, value in events:
        if what == "pass":
            clock.time += value
        elif what == "enter":
            in_work = sum(number == value for number, _, _ in inside)
            free = len(inside) < MAX_IN_FLIGHT and in_work < apps[value].max_concurrency
            ended = asyncio.get_running_loop().create_future()
            task = asyncio.ensure_future(request(apps[value], ended))
            await asyncio.sleep(0)
            if task.done():
                assert isinstance(task.exception(), errors.ExceededConcurrency)
                assert task.exception().retry_after > 0
                assert not free or not within_rate(
                    apps[value], [*let_in[value], clock.time], -GRAIN
                )
            else:
                assert free
                let_in[value].append(clock.time)
                assert within_rate(apps[value], let_in[value], GRAIN)
                inside.append((value, task, ended))
        elif inside:
            _, task, ended = inside.pop(value % len(inside))
            if what == "leave":
                ended.set_result(None)
            elif what == "fail":
                ended.set_exception(BoomError())
            else:
                task.cancel()
            await asyncio.wait([task])
            task.cancelled() or task.exception()  # looked at, so asyncio does not complain
        assert admission.in_flight == len(inside)
    for _, task, _ in inside:
        task.cancel()
        await asyncio.wait([task])
    assert admission.in_flight == 0


def within_rate(one, times, tolerance):
    """No stretch of time holds more requests than the burst and what the rate adds in it."""
    per_second = one.requests_per_minute / 60
    return all(
        last - first + 1 <= one.burst + (times[last] - times[first]) * per_second + tolerance
        for first in range(len(times))
        for last in range(first, len(times))
    )
