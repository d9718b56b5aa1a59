"""Scores as DeepChorus gives them: scaled, smoothed, with starts and ends."""

import numpy as np
import pytest

from audio.chorus_curves import ChorusCurves, trimmed_mean
from audio.segments import SegmentRules, segments

PUBLISHED = {"scaling": "min_max", "smoothing_frames": "9", "edge_frames": "4"}
FORM = ChorusCurves.from_parameters(PUBLISHED)
FRAME_SEC = 43 * 512 / 22_050


def one_by_one(curve, frames):
    """The published filter told step by step: a list grows at both ends, then is averaged."""
    grown = list(curve)
    for step in range(frames // 2):
        grown.insert(0, grown[2 * step])
        grown.append(grown[-2 * step])
    result = []
    for at in range(len(curve)):
        around = sorted(grown[at : at + frames])
        result.append(sum(around[1:-1]) / (frames - 2))
    return result


@pytest.mark.parametrize("length", [5, 9, 10, 241, 600])
def test_smoothing_is_the_published_filter(length):
    curve = np.random.default_rng(length).random(length)
    np.testing.assert_allclose(trimmed_mean(curve, 9), one_by_one(curve, 9), atol=1e-12)


@pytest.mark.parametrize("length", [1, 2, 3, 4])
def test_curves_shorter_than_the_filter_are_smoothed_too(length):
    curve = np.random.default_rng(length).random(length)
    smooth = trimmed_mean(curve, 9)
    assert smooth.shape == curve.shape
    assert curve.min() - 1e-12 <= smooth.min() <= smooth.max() <= curve.max() + 1e-12


def test_scores_are_stretched_within_the_song():
    scores = np.full((200, 1), 0.31)
    scores[80:120] = 0.33
    chorus = FORM.of(scores)[:, 0]
    assert chorus[:70].max() == 0.0
    assert chorus[90:110].min() == pytest.approx(1.0)


@pytest.mark.parametrize("level", [0.0, 0.2, 0.9])
def test_a_constant_curve_is_no_division_by_zero(level):
    curves = FORM.of(np.full((120, 1), level, np.float32))
    np.testing.assert_allclose(curves[:, 0], level, atol=1e-6)
    assert np.isfinite(curves).all()


def test_starts_and_ends_stand_where_the_score_changes():
    scores = np.zeros((200, 1), np.float32)
    scores[60:90] = scores[140:170] = 0.8
    _, start, end = FORM.of(scores).T
    assert set(np.flatnonzero(start > 0.99)) == {60, 140}
    assert set(np.flatnonzero(end > 0.99)) == {89, 169}
    assert start[61] == pytest.approx(0.75)  # a second late is less likely
    assert start.min() >= 0 and end.max() <= 1 + 1e-6


def test_segments_cut_from_them_are_the_choruses():
    scores = np.random.default_rng(0).uniform(0.0, 0.1, (240, 1))
    scores[60:90] += 0.5
    scores[140:170] += 0.6
    rules = SegmentRules(chorus_threshold=0.5, best_share=0.0, edge_weight=0.0)
    found = segments(FORM.of(scores), 240 * FRAME_SEC, FRAME_SEC, rules)
    spans = [each["interval"] for each in found["chorus_segments"]]
    expected = np.array([[60, 90], [140, 170]]) * FRAME_SEC
    np.testing.assert_allclose(spans, expected, atol=FRAME_SEC + 1e-3)
    assert found["thumbnail"][0]["interval"] == spans[1]
    assert found["thumbnail"][0]["start_prob"] > 0.6


def test_a_network_of_three_curves_is_left_alone():
    curves = np.random.default_rng(0).random((50, 3), dtype=np.float32)
    assert np.array_equal(ChorusCurves.from_parameters({}).of(curves), curves)


@pytest.mark.parametrize("wrong", [{"scaling": "z"}, {"smoothing_frames": "8"}])
def test_what_is_unknown_is_said(wrong):
    with pytest.raises(ValueError, match="scaling is one of none, min_max, smoothing_frames an"):
        ChorusCurves.from_parameters({**PUBLISHED, **wrong})
