"""What needs no training still has to find the loud part that returns."""

from __future__ import annotations

import numpy as np
import pytest

from audio.chorus_features import FRAME_SEC, spectra
from export.front_ends import CHORUS
from export.training.chorus import baseline
from export.training.evaluation.chorus_scores import auc

RATE = CHORUS.sample_rate


@pytest.fixture(scope="module")
def song():
    """Quiet, loud, quiet, the same loud again, quiet: 20 s each, of chance notes."""
    rng = np.random.default_rng(0)
    time = np.arange(RATE // 2) / RATE

    def part(level):
        notes = 440 * 2 ** ((rng.integers(50, 80, 40) - 69) / 12)
        return level * (np.sin(2 * np.pi * notes[:, None] * time) * np.exp(-3 * time)).ravel()

    chorus = part(0.5)
    samples = np.concatenate([part(0.1), chorus, part(0.1), chorus, part(0.1)])
    samples += 1e-3 * rng.standard_normal(len(samples))
    return spectra(samples.astype(np.float32), CHORUS)


@pytest.mark.parametrize("method", [baseline.loudness, baseline.loud_repeats])
def test_the_loud_part_that_returns_is_found(song, method):
    curve = method(song)
    time = (np.arange(len(curve)) + 0.5) * FRAME_SEC
    assert auc(curve, (time // 20) % 2 == 1) > 0.9
    result = baseline.payload(curve, 100.0)
    cuts = [segment["interval"][0] for segment in result["raw_segments"]]
    assert all(min(abs(cut - edge) for cut in cuts) < 5 for edge in (20, 40, 60, 80))
    start, end = result["thumbnail"][0]["interval"]
    assert end - start == pytest.approx(15, abs=FRAME_SEC)
    assert 17 < start < 28 or 57 < start < 68


def test_a_short_clip_has_a_curve_all_the_same():
    clip = spectra(np.zeros(1600, np.float32), CHORUS)
    assert baseline.loud_repeats(clip).shape == baseline.loudness(clip).shape == (1,)
