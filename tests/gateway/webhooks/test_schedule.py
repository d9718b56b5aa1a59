import random
from datetime import UTC, datetime, timedelta

import pytest

from gateway.webhooks.schedule import RETRY_SECONDS, asked_seconds, next_delay

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)


def test_the_schedule_is_the_documented_one():
    minute, hour = 60, 3600
    assert (
        5, 5 * minute, 30 * minute, 2 * hour, 5 * hour, 10 * hour, 10 * hour
    ) == RETRY_SECONDS  # fmt: skip


@pytest.mark.parametrize(("retry", "seconds"), list(enumerate(RETRY_SECONDS)))
def test_each_wait_is_spread_by_a_fifth_and_no_more(retry, seconds):
    chance = random.Random(1)
    waits = [next_delay(retry, None, chance).total_seconds() for _ in range(500)]
    assert 0.8 * seconds <= min(waits) < 0.82 * seconds
    assert 1.18 * seconds < max(waits) <= 1.2 * seconds


def test_after_the_last_nothing_is_tried():
    assert next_delay(len(RETRY_SECONDS), 5.0, random.Random(1)) is None


def test_retry_after_lengthens_a_wait_within_bounds_and_never_shortens_it():
    chance = random.Random(1)
    assert next_delay(0, 120.0, chance) == timedelta(seconds=120)
    assert next_delay(0, 1e9, chance) == timedelta(hours=10)
    assert next_delay(1, 1.0, chance) >= timedelta(seconds=240)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120.0),
        (" 7 ", 7.0),
        ("Sat, 21 Nov 2026 12:01:00 GMT", 60.0),
        ("Sat, 21 Nov 2026 11:00:00 GMT", 0.0),
        ("9" * 400, 999_999_999.0),
        ("-5", None),
        ("soon", None),
        ("", None),
        (None, None),
        ("١٢", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_a_date(header, seconds):
    assert asked_seconds(header, NOW) == seconds
