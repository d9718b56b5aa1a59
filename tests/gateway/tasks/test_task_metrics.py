"""What Prometheus is told of tasks, on both databases."""

import math

import pytest

from gateway.metrics import Metrics
from tests.gateway.receiver import receiver, status
from tests.gateway.tasks.conftest import APP, attempts, delivered, new_task, over, running

NOBODY = "http://127.0.0.1:1/song.mp3"


@pytest.fixture
def metrics():
    return Metrics()


@pytest.fixture
async def tasks(settings, clock, metrics):
    async with running(settings, clock, metrics) as runtime:
        yield runtime.tasks


def value(metrics, name, **labels):
    return metrics.registry.get_sample_value(f"acousticsense_{name}", labels)


async def test_what_was_accepted_ended_and_delivered_is_counted_once(tasks, metrics, clock):
    async with receiver(status(404)) as audio, receiver(status(500), status(200)) as there:
        new = new_task(audio.url, hook=there.url, key="mine")
        task = await tasks.accept(new, None)
        assert await tasks.accept(new_task(audio.url, hook=there.url, key="mine"), None) == task
        await attempts(tasks, task, 1)
        await tasks.measure()
        assert value(metrics, "deliveries_waiting") == 1
        clock.turn(seconds=6)
        await delivered(tasks, task)
    assert value(metrics, "tasks_accepted_total", kind="rest") == 1
    assert value(metrics, "tasks_ended_total", state="failed") == 1
    assert value(metrics, "deliveries_total", outcome="tried again") == 1
    assert value(metrics, "deliveries_total", outcome="delivered") == 1
    await tasks.measure()
    assert value(metrics, "deliveries_waiting") == 0


async def test_open_tasks_and_the_age_of_the_oldest_are_those_of_the_whole_store(
    tasks, metrics, clock
):
    await tasks.measure()
    assert value(metrics, "tasks_open", state="queued") == 0
    assert value(metrics, "task_oldest_seconds") == 0
    task = await tasks.accept(new_task(NOBODY), None)  # it will be tried again in some seconds
    other = await tasks.accept(new_task(NOBODY, app="another"), None)
    clock.turn(seconds=1)
    await tasks.measure()
    states = [value(metrics, "tasks_open", state=state) for state in ("queued", "running")]
    assert sum(states) == 2
    assert 1 <= value(metrics, "task_oldest_seconds") < 60
    await tasks.cancel(task, APP)
    await tasks.cancel(other, "another")
    await over(tasks, task)
    await tasks.measure()
    assert value(metrics, "tasks_open", state="queued") == 0
    assert value(metrics, "tasks_ended_total", state="cancelled") == 2


async def test_while_the_store_is_away_nothing_is_claimed_about_it(settings, clock, metrics):
    async with running(settings, clock, metrics) as runtime:
        pass
    await runtime.tasks.measure()
    assert math.isnan(value(metrics, "tasks_open", state="queued"))
    assert math.isnan(value(metrics, "task_oldest_seconds"))
