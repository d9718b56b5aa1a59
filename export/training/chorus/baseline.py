"""What can be had without training: the rows that the network has to beat in the evaluation table.

Both curves are cut at half of their range within the song, and their best stretch of 15 s is the
thumbnail: no thresholds are learned anywhere.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from audio.chorus_features import FRAME_SEC, HOPS, Spectra
from audio.self_similarity import (
    best_repeats,
    far_apart,
    repeat_weights,
    windowed_similarities,
)
from audio.sound_features import sound_features

Float32 = NDArray[np.float32]

_SMOOTHING = 42  # frames: 8 s
_COARSE = 3  # frames: self-similarity at 0.576 s
_WINDOW = 21  # coarse frames: 12 s
_LEAST_LAG = 25  # coarse frames: 14.4 s
_THUMBNAIL = 78  # frames: 15 s


def loudness(song: Spectra) -> Float32:
    """The log-mel mean, smoothed over 8 s: ``(T,)`` dB."""
    _, decibels = sound_features(song.mel, song.pitch, HOPS)
    return _smoothed(decibels.mean(axis=1))


def loud_repeats(song: Spectra) -> Float32:
    """Loudness averaged over a frame's repeats plus the best repeat of 12 s: ``(T,)`` z-scores."""
    _, decibels = sound_features(song.mel, song.pitch, HOPS)
    frames = len(decibels)
    padded = np.pad(decibels, ((0, -frames % _COARSE), (0, 0)), mode="edge")
    coarse = padded.reshape(-1, _COARSE, decibels.shape[1]).mean(axis=1)
    shape = coarse - coarse.mean(axis=0)
    distant = far_apart(windowed_similarities(shape, [_WINDOW])[0], _LEAST_LAG)
    weights = repeat_weights(distant, sharpness=0.05, share=2.0)
    level = weights @ loudness(song)[::_COARSE]
    best = best_repeats(distant, block=14, count=1)[0][:, 0]
    both = _standard(level) + _standard(best)
    return np.asarray(np.repeat(both, _COARSE)[:frames], dtype=np.float32)


def payload(curve: Float32, duration: float) -> dict[str, Any]:
    """A curve cut at half of its range, in the form of the DeepChorus payload."""
    inside = curve > (curve.min() + curve.max()) / 2
    change = np.flatnonzero(np.diff(np.concatenate([[0], inside, [0]]).astype(int)))
    times = np.minimum(change * FRAME_SEC, duration)
    spans = [{"interval": list(span)} for span in times.reshape(-1, 2).tolist()]
    width = min(_THUMBNAIL, len(curve))
    best = int(np.convolve(curve - curve.min(), np.ones(width), mode="valid").argmax()) * FRAME_SEC
    cuts = sorted({0.0, duration, *times.tolist()})
    return {
        "frame_sec": FRAME_SEC,
        "thumbnail": [{"interval": [best, best + width * FRAME_SEC]}],
        "chorus_segments": spans,
        "raw_segments": [{"interval": list(pair)} for pair in pairwise(cuts)],
    }


def _smoothed(curve: Float32) -> Float32:
    return np.asarray(uniform_filter1d(curve, _SMOOTHING, mode="nearest"), dtype=np.float32)


def _standard(curve: Float32) -> Float32:
    return np.asarray((curve - curve.mean()) / (curve.std() + 1e-6), dtype=np.float32)
