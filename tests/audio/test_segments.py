"""Curves to the DeepChorus payload: the promises of the protocol, for any curves."""

from __future__ import annotations

import json
import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from audio.segments import SegmentRules, segments

FRAME = 0.192
FIELDS = ["interval", "start_prob", "end_prob", "chorus_prob", "duration", "res_duration"]


@st.composite
def songs(draw):
    """Curves, rough or in long steps, and a duration that need not fit their length."""
    frames = draw(st.integers(1, 600))
    levels = st.floats(0, 1, width=32)
    if draw(st.booleans()):
        curves = draw(arrays(np.float32, (min(frames, 200), 3), elements=levels, fill=levels))
    else:
        steps = draw(arrays(np.float32, (8, 3), elements=levels))
        curves = steps[np.arange(frames) * 8 // frames]
    slack = draw(st.floats(-0.19, 0.19))
    return curves, max(0.1, len(curves) * FRAME + slack)


def synthetic(spans, duration, certainty=0.9):
    """Curves of a song whose choruses are known, with clear starts and ends."""
    frames = math.ceil(duration / FRAME)
    curves = np.full((frames, 3), [1 - certainty, 0.01, 0.01])
    for start, end in spans:
        first, last = round(start / FRAME), round(end / FRAME)
        curves[first:last, 0] = certainty
        curves[first, 1] = 0.8
        curves[min(last, frames - 1), 2] = 0.8
    return curves


@settings(deadline=None, max_examples=200)
@given(songs())
def test_raw_segments_cover_the_song_without_gap_or_overlap(song):
    curves, duration = song
    raw = segments(curves, duration)["raw_segments"]
    assert raw[0]["interval"][0] == 0
    assert raw[-1]["interval"][1] == pytest.approx(duration, abs=5.1e-4)
    assert all(a["interval"][1] == b["interval"][0] for a, b in pairwise(raw))
    assert all(segment["interval"][0] < segment["interval"][1] for segment in raw)


@settings(deadline=None, max_examples=200)
@given(songs())
def test_a_chorus_begins_and_ends_where_raw_segments_do(song):
    curves, duration = song
    result = segments(curves, duration)
    cuts = {time for segment in result["raw_segments"] for time in segment["interval"]}
    choruses = result["chorus_segments"]
    assert all(set(segment["interval"]) <= cuts for segment in choruses + result["thumbnail"])
    assert all(a["interval"][1] <= b["interval"][0] for a, b in pairwise(choruses))


@settings(deadline=None, max_examples=200)
@given(songs())
def test_the_payload_is_plain_json_with_honest_durations(song):
    curves, duration = song
    result = segments(curves, duration)
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    assert list(result) == ["frame_sec", "thumbnail", "chorus_segments", "raw_segments"]
    for segment in result["thumbnail"] + result["chorus_segments"] + result["raw_segments"]:
        start, end = segment["interval"]
        assert list(segment) == FIELDS
        assert segment["duration"] == pytest.approx(end - start, abs=1e-3)
        assert segment["res_duration"] == pytest.approx(duration - start, abs=1.1e-3)
        assert all(0 <= segment[key] <= 1 for key in ("start_prob", "end_prob", "chorus_prob"))


@settings(deadline=None, max_examples=200)
@given(songs())
def test_the_thumbnail_is_the_likeliest_chorus_segment(song):
    result = segments(*song)
    assert len(result["thumbnail"]) == 1
    if result["chorus_segments"]:
        best = max(segment["chorus_prob"] for segment in result["chorus_segments"])
        assert result["thumbnail"][0] in result["chorus_segments"]
        assert result["thumbnail"][0]["chorus_prob"] == best


@given(st.floats(0.1, 14.99), st.floats(0, 1))
def test_a_clip_under_15_s_is_all_thumbnail_and_all_chorus(duration, level):
    curves = np.full((math.ceil(duration / FRAME), 3), level)
    result = segments(curves, duration)
    whole = [0, round(duration, 3)]
    for name in ("thumbnail", "chorus_segments", "raw_segments"):
        assert [segment["interval"] for segment in result[name]] == [whole]


def test_clear_choruses_are_found_at_their_starts_and_ends():
    spans = [(30.0, 50.0), (90.0, 112.0)]
    found = [s["interval"] for s in segments(synthetic(spans, 150), 150)["chorus_segments"]]
    assert found == [pytest.approx(span, abs=2 * FRAME) for span in spans]


def test_a_likely_start_is_preferred_to_where_the_curve_crosses_the_threshold():
    curves = synthetic([(30.0, 50.0)], 120)
    curves[: round(33 / FRAME), 0] = 0.45  # the curve is late by three seconds
    rules = SegmentRules(chorus_threshold=0.5)
    found = segments(curves, 120, rules=rules)["chorus_segments"][0]["interval"]
    assert found[0] == pytest.approx(30, abs=2 * FRAME)


def test_without_any_chorus_none_is_claimed_and_the_thumbnail_says_so():
    result = segments(synthetic([], 120, certainty=0.9), 120)
    assert result["chorus_segments"] == []
    assert result["thumbnail"][0]["chorus_prob"] < 0.2


def test_a_boundary_between_verses_cuts_the_raw_segments():
    curves = synthetic([(60.0, 80.0)], 120)
    curves[round(30 / FRAME), 1] = 0.7
    cuts = [segment["interval"][0] for segment in segments(curves, 120)["raw_segments"]]
    assert cuts == pytest.approx([0, 30, 60, 80], abs=2 * FRAME)


def test_frames_of_padding_beyond_the_song_change_nothing():
    curves = synthetic([(30.0, 50.0)], 100)
    padded = np.concatenate([curves, np.ones((77, 3))])
    assert segments(padded, 100) == segments(curves, 100)


def test_rules_come_from_configuration_text():
    rules = SegmentRules.from_parameters({"least_chorus": "7.5", "n_fft": "2048"})
    assert rules == SegmentRules(least_chorus=7.5)
    with pytest.raises(ValueError, match="many"):
        SegmentRules.from_parameters({"least_chorus": "many"})


def test_a_higher_threshold_claims_less():
    curves = synthetic([(30.0, 50.0)], 100, certainty=0.7)
    assert segments(curves, 100)["chorus_segments"]
    strict = SegmentRules(chorus_threshold=0.9)
    assert segments(curves, 100, rules=strict)["chorus_segments"] == []


def test_what_is_far_below_the_song_s_best_is_no_chorus():
    curves = synthetic([(30.0, 50.0), (90.0, 110.0)], 150, certainty=0.9)
    curves[round(50 / FRAME) : round(70 / FRAME), 0] = 0.5  # a verse that sounds like one
    found = [s["interval"] for s in segments(curves, 150)["chorus_segments"]]
    assert found == [pytest.approx(span, abs=2 * FRAME) for span in [(30, 50), (90, 110)]]
    curves[:, 0] *= 0.55  # the level does not matter where it is the best there is
    found = [s["interval"] for s in segments(curves, 150)["chorus_segments"]]
    assert found == [pytest.approx(span, abs=2 * FRAME) for span in [(30, 50), (90, 110)]]
