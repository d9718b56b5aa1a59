"""Scores and calibration: known answers."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from export.training.chorus.calibration import Calibration, fit
from export.training.evaluation.chorus_scores import (
    Annotation,
    auc,
    calibration_error,
    reliability,
    score,
)

FRAME = 0.1


def payload(choruses, cuts, thumbnail):
    return {
        "chorus_segments": [{"interval": list(span)} for span in choruses],
        "raw_segments": [{"interval": list(pair)} for pair in pairwise(cuts)],
        "thumbnail": [{"interval": list(thumbnail)}],
    }


def test_a_perfect_answer_scores_one():
    song = Annotation("a", 100.0, [[20.0, 40.0]], [])
    curve = np.zeros(1000)
    curve[200:400] = 1
    fit = score(song, curve, FRAME, payload([(20, 40)], [0, 20, 40, 100], (20, 40)))
    assert (fit.auc, fit.f1, fit.thumbnail) == (1.0, 1.0, 1.0)
    assert fit.start_errors == fit.end_errors == fit.cut_errors == [0.0]


def test_ignored_spans_are_not_scored():
    song = Annotation("a", 100.0, [[20.0, 40.0]], [[40.0, 60.0]])
    answer = payload([(20, 60)], [0, 20, 60, 100], (20, 60))
    assert score(song, np.zeros(1000), FRAME, answer).f1 == 1.0


def test_errors_are_signed_seconds_from_the_truth():
    song = Annotation("a", 100.0, [[20.0, 40.0], [60.0, 80.0]], [])
    result = score(song, np.zeros(1000), FRAME, payload([(22, 39)], [0, 22, 39, 100], (60, 100)))
    assert result.start_errors == [2.0, -38.0]
    assert result.end_errors == [-1.0, -41.0]
    assert result.thumbnail == 1.0
    assert result.f1 == pytest.approx(2 * 17 / (17 + 40), abs=0.01)


def test_auc_counts_ties_as_half():
    assert auc(np.array([0.1, 0.5, 0.5, 0.9]), np.array([False, False, True, True])) == 0.875
    assert np.isnan(auc(np.array([0.1]), np.array([True])))


def test_reliability_tells_what_happened_at_each_probability():
    probability = np.repeat([0.05, 0.95], 100)
    happened = np.concatenate([np.arange(100) < 20, np.arange(100) < 60])
    rows = reliability(probability, happened)
    assert rows == pytest.approx(np.array([[0.05, 0.2, 0.5], [0.95, 0.6, 0.5]]))
    assert calibration_error(probability, happened) == pytest.approx(0.25)


def test_calibration_undoes_overconfidence():
    rng = np.random.default_rng(0)
    logit = rng.normal(0, 2, 20_000)
    happened = rng.random(20_000) < 1 / (1 + np.exp(-logit))
    found = fit([(3 * logit + 1, happened)])
    assert found.scale == pytest.approx(1 / 3, rel=0.05)
    assert found.shift == pytest.approx(-1 / 3, abs=0.05)
    pair = [(3 * logit + 1, happened)]
    assert found.error(pair) < 0.02 < Calibration(1.0, 0.0).error(pair)
