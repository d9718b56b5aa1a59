"""Samples to what the chorus network sees: sound per frame, and how it repeats through the song.

A network that sees a plain mel spectrogram learns the sound of its training material. These
features say how a moment differs from the rest of *its own song* and how often it returns; that
carries over from synthesised songs to recordings. Nothing tells the position within the song.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from audio.front_end import FrontEnd
from audio.mel import mel
from audio.pitch import pitch_spectrum
from audio.self_similarity import (
    best_repeats,
    far_apart,
    fine_similarities,
    repeat_weights,
    windowed_similarities,
)
from audio.sound_features import chroma, novelty, sound_features, tones

Float32 = NDArray[np.float32]

HOPS = 6
"""Mel columns in a frame."""

FRAME_SEC = 0.192
"""Seconds a frame: six hops of 512 samples at 16 kHz."""

COARSE = 3
"""Frames in one row of the self-similarity matrices (0.576 s), in which repeats are told."""

REPEATS = 6
"""How many repeats of each moment the features point at."""

_WINDOWS = (7, 21)  # 4 and 12 s in coarse frames
_LEAST_LAG = 25  # coarse frames, 14.4 s: nearer matches are riffs and bars, not sections
_QUICK = 11  # frames, 2 s: what changes slower is no matter of syllables
_BLOCK = 14  # coarse frames, 8 s: one repeat per block
_COUNTED = 3  # repeats whose mean similarity is a feature
_SHARPNESS = 0.05
_SHARE = 4.0
_POINTER_SHARPNESS = 0.1
_NOVELTY = (8, 21, 42, 84)  # half widths in frames: 1.5, 4, 8, 16 s
_SMOOTHINGS = (11, 41, 105)  # frames: 2, 8 and 20 s
_SLOW = 16  # features that are also averaged over 20 s: level and colour


class Spectra(NamedTuple):
    """What features are made of: power spectra, all that has to be kept of the sound."""

    mel: Float32  # (HOPS × T, n_mels)
    pitch: Float32  # (T, audio.pitch.SEMITONES)


def chorus_features(samples: Float32, front: FrontEnd) -> Float32:
    """The chorus network's features of a song.

    Args:
        samples: ``(n,)`` mono at ``front.sample_rate``.
        front: the chorus front end, unpooled.

    Returns:
        ``(T, N_FEATURES)`` with ``T = max(1, ceil(n / (HOPS × hop_length)))``, finite. The first
        ``N_LOCAL`` describe the moment, the next what it has in common with its repeats, both
        within ±6; the last ``2 × REPEATS`` point at the repeats: the coarse frames (``COARSE``
        frames each) where they lie, then their weights in ``[0, 1]``.
    """
    return features_of(spectra(samples, front))


def spectra(samples: Float32, front: FrontEnd) -> Spectra:
    """Power spectra whose lengths fit each other."""
    pitch = pitch_spectrum(samples, front.sample_rate, HOPS * front.hop_length)
    columns = mel(samples, front)
    missing = HOPS * len(pitch) - len(columns)
    if missing > 0:
        columns = np.concatenate([columns, np.repeat(columns[-1:], missing, axis=0)])
    return Spectra(columns[: HOPS * len(pitch)], pitch)


def features_of(song: Spectra) -> Float32:
    """Features from spectra, ``(T, N_FEATURES)``: what training calls after altering spectra."""
    local, returning = _groups(song)
    return np.concatenate([*local, *returning], axis=1)


def _groups(song: Spectra) -> tuple[list[Float32], list[Float32]]:
    sound, decibels = sound_features(song.mel, song.pitch, HOPS)
    shape = decibels - decibels.mean(axis=1, keepdims=True)  # without level: repeats differ in it
    changes = np.column_stack(
        [novelty(x, half) for x in (decibels, chroma(song.pitch)) for half in _NOVELTY]
    )
    repeats, weights, pointers = _repetition(shape, tones(song.pitch))
    count = len(sound)

    def averaged(frames: Float32) -> Float32:
        return _standard(_fine(weights @ _coarse(frames), count))

    short, medium, long = (_smoothed(sound, width) for width in _SMOOTHINGS)
    local = [_standard(sound), _standard(changes), _standard(short), averaged(changes)]
    returning = [averaged(short), averaged(medium), averaged(long[:, :_SLOW])]
    repeats = _fine(repeats, count)
    pointers = np.repeat(pointers, COARSE, axis=0)[:count]
    return local, [*returning, 4 * repeats - 2, _standard(repeats), pointers]


def _repetition(shape: Float32, tone: Float32) -> tuple[Float32, Float32, Float32]:
    """Similarities to the best repeats, the averaging matrix and pointers to the repeats.

    Args:
        shape: ``(T, bands)`` dB without level.
        tone: ``(T, semitones)`` dB.

    Returns:
        ``(n, features)``, ``(n, n)`` and ``(n, 2 × REPEATS)``: coarse frames, then their weights.
    """
    kinds = [_balanced(_coarse(shape)), _balanced(_coarse(tone))]
    columns: list[Float32] = []
    graph = np.zeros((len(kinds[0]), len(kinds[0])), dtype=np.float32)
    for frames in (*kinds, np.concatenate(kinds, axis=1)):
        for similarity in windowed_similarities(frames, _WINDOWS):
            distant = far_apart(similarity, _LEAST_LAG)
            columns += _told(distant)
        graph += distant / (len(kinds) + 1)  # of the longest window
    for similarity in fine_similarities(shape - _smoothed(shape, _QUICK), COARSE, _WINDOWS):
        columns += _told(far_apart(similarity, _LEAST_LAG))
    similarity, frame = best_repeats(graph, _BLOCK, REPEATS)
    weight = similarity * np.exp((similarity - similarity[:, :1]) / np.float32(_POINTER_SHARPNESS))
    return (
        np.concatenate(columns, axis=1),
        repeat_weights(graph, _SHARPNESS, _SHARE),
        np.concatenate([frame, weight], axis=1).astype(np.float32),
    )


def _told(distant: Float32) -> list[Float32]:
    """How alike each frame's best repeat is, and its best three: ``(n, 1)`` each."""
    best, _ = best_repeats(distant, _BLOCK, _COUNTED)
    return [best[:, :1], best.mean(axis=1, keepdims=True)]


def _balanced(frames: Float32) -> Float32:
    """Without the song's mean, at unit mean energy, so that kinds of frames can be joined."""
    centred = frames - frames.mean(axis=0)
    energy = float(np.mean(np.sum(np.square(centred), axis=1)))
    return np.asarray(centred / np.float32(np.sqrt(max(energy, 1e-9))), dtype=np.float32)


def _coarse(frames: Float32) -> Float32:
    """Means of every three frames, the last frame repeated where it does not come out even."""
    missing = -len(frames) % COARSE
    padded = np.concatenate([frames, np.repeat(frames[-1:], missing, axis=0)])
    return np.asarray(padded.reshape(-1, COARSE, frames.shape[1]).mean(axis=1), dtype=np.float32)


def _fine(coarse: Float32, count: int) -> Float32:
    """Coarse rows back at ``count`` frames, linearly between the coarse frames' middles."""
    position = np.clip((np.arange(count) - (COARSE - 1) / 2) / COARSE, 0, len(coarse) - 1)
    below = position.astype(np.intp)
    above = np.minimum(below + 1, len(coarse) - 1)
    part = (position - below).astype(np.float32)[:, None]
    return np.asarray(coarse[below] * (1 - part) + coarse[above] * part, dtype=np.float32)


def _smoothed(frames: Float32, width: int) -> Float32:
    return np.asarray(uniform_filter1d(frames, width, axis=0, mode="nearest"), dtype=np.float32)


def _standard(frames: Float32) -> Float32:
    """Z-scores within the song, cut at ±5; 0 for a feature that does not change."""
    centred = frames - frames.mean(axis=0)
    scores = centred / (centred.std(axis=0) + np.float32(1e-3))
    return np.asarray(np.clip(scores, -5, 5), dtype=np.float32)


_LOCAL, _RETURNING = _groups(
    Spectra(np.zeros((HOPS, 64), np.float32), np.zeros((1, 60), np.float32))
)

N_LOCAL = sum(block.shape[1] for block in _LOCAL)
"""How many of the features describe the moment itself."""

N_FEATURES = N_LOCAL + sum(block.shape[1] for block in _RETURNING)
"""Columns of the features."""
