import asyncio
import contextlib

import pytest

from gateway import errors
from gateway.breaker import Breaker


class AwayError(Exception):
    """The server was not reached."""


class AnsweredError(Exception):
    """The server was reached, and said no."""


def reached(error):
    return {AwayError: False, AnsweredError: True}.get(type(error))


class Clock:
    """Seconds that a test lets pass."""

    def __init__(self):
        self.time = 1000.0

    def __call__(self):
        return self.time


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def breaker(clock):
    return Breaker(3, 5.0, clock, reached)


def call(breaker, error=None):
    with breaker.call():
        if error is not None:
            raise error


def fail(breaker, times, error=AwayError):
    for _ in range(times):
        with pytest.raises(error):
            call(breaker, error())


def refusal(breaker):
    with pytest.raises(errors.ServerBusy) as caught:
        call(breaker)
    return caught.value


def test_it_opens_after_three_failures_in_a_row_and_says_when_to_come_again(breaker, clock):
    fail(breaker, 2)
    assert not breaker.is_open
    fail(breaker, 1)
    assert breaker.is_open
    clock.time += 1.5
    assert refusal(breaker).retry_after == pytest.approx(3.5)


@pytest.mark.parametrize("answer", [None, AnsweredError()])
def test_an_answer_of_any_kind_ends_the_row(breaker, answer):
    fail(breaker, 2)
    with contextlib.suppress(AnsweredError):
        call(breaker, answer)
    fail(breaker, 2)
    assert not breaker.is_open
    fail(breaker, 1)
    assert breaker.is_open


@pytest.mark.parametrize("error", [asyncio.CancelledError, TimeoutError])
def test_what_tells_nothing_of_the_server_changes_nothing(breaker, error):
    fail(breaker, 2)
    fail(breaker, 5, error)
    assert not breaker.is_open
    fail(breaker, 1)
    assert breaker.is_open


def test_after_the_rest_exactly_one_probe_goes_out(breaker, clock):
    fail(breaker, 3)
    clock.time += 4.99
    refusal(breaker)
    clock.time += 0.01
    with breaker.call():
        for _ in range(3):
            assert refusal(breaker).retry_after == 1.0
    assert not breaker.is_open
    with breaker.call(), breaker.call():
        pass


def test_a_failed_probe_opens_it_for_another_whole_rest(breaker, clock):
    fail(breaker, 3)
    clock.time += 6
    fail(breaker, 1)
    assert refusal(breaker).retry_after == pytest.approx(5.0)
    clock.time += 5
    call(breaker)
    assert not breaker.is_open


def test_a_probe_that_the_server_answers_with_no_closes_it(breaker, clock):
    fail(breaker, 3)
    clock.time += 5
    fail(breaker, 1, AnsweredError)
    assert not breaker.is_open


@pytest.mark.parametrize("error", [asyncio.CancelledError, TimeoutError])
def test_a_probe_that_tells_nothing_leaves_its_place_to_the_next(breaker, clock, error):
    fail(breaker, 3)
    clock.time += 5
    fail(breaker, 1, error)
    assert breaker.is_open
    call(breaker)
    assert not breaker.is_open


def test_calls_that_fail_late_neither_lengthen_the_rest_nor_free_the_probe(breaker, clock):
    late = breaker.call()
    late.__enter__()
    later = breaker.call()
    later.__enter__()
    fail(breaker, 3)
    clock.time += 4
    assert not late.__exit__(AwayError, AwayError(), None)
    assert refusal(breaker).retry_after == pytest.approx(1.0)
    clock.time += 1
    with breaker.call():
        assert not later.__exit__(AwayError, AwayError(), None)
        refusal(breaker)
    assert not breaker.is_open


def test_a_call_that_gets_through_late_closes_it(breaker):
    late = breaker.call()
    late.__enter__()
    fail(breaker, 3)
    assert not late.__exit__(None, None, None)
    call(breaker)
    assert not breaker.is_open
