"""The chorus features: any length, no warnings, the same again, repeats where there are some."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audio.chorus_features import (
    COARSE,
    FRAME_SEC,
    N_FEATURES,
    REPEATS,
    chorus_features,
    spectra,
)
from audio.pitch import LOWEST, SEMITONES, pitch_spectrum
from audio.self_similarity import (
    best_repeats,
    far_apart,
    fine_similarities,
    repeat_weights,
    windowed_similarities,
)
from audio.sound_features import chroma, novelty
from export.front_ends import CHORUS

RATE = CHORUS.sample_rate


def tune(notes, seconds=0.5):
    """A mono melody of MIDI notes with a little decay."""
    time = np.arange(int(seconds * RATE)) / RATE
    tones = [np.sin(2 * np.pi * 440 * 2 ** ((note - 69) / 12) * time) for note in notes]
    return (0.3 * np.concatenate(tones * np.exp(-3 * time))).astype(np.float32)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 40 * RATE), st.sampled_from(["silence", "noise", "constant"]))
def test_any_length_gives_finite_features_without_a_warning(count, kind):
    samples = {
        "silence": np.zeros(count, np.float32),
        "noise": np.random.default_rng(count).normal(0, 0.1, count).astype(np.float32),
        "constant": np.full(count, 0.5, np.float32),
    }[kind]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        features = chorus_features(samples, CHORUS)
    assert features.shape == (max(1, math.ceil(count / 3072)), N_FEATURES)
    assert features.dtype == np.float32
    told, places, weights = np.split(features, [N_FEATURES - 2 * REPEATS, N_FEATURES - REPEATS], 1)
    assert np.isfinite(told).all()
    assert np.abs(told).max() <= 6
    assert np.isin(places, np.arange(math.ceil(len(features) / COARSE))).all()
    assert ((weights >= 0) & (weights <= 1)).all()


def test_a_frame_is_a_whole_number_of_hops():
    assert pytest.approx(3072 / RATE) == FRAME_SEC


def test_the_same_samples_give_the_same_features():
    samples = np.random.default_rng(0).normal(0, 0.1, 20 * RATE).astype(np.float32)
    assert np.array_equal(chorus_features(samples, CHORUS), chorus_features(samples, CHORUS))


def test_level_of_the_file_does_not_matter():
    samples = np.random.default_rng(0).normal(0, 0.1, 30 * RATE).astype(np.float32)
    samples *= np.repeat(np.random.default_rng(1).random(30), RATE).astype(np.float32)
    told = slice(0, N_FEATURES - 2 * REPEATS)
    loud, quiet = chorus_features(samples, CHORUS), chorus_features(samples / 8, CHORUS)
    assert np.abs(loud - quiet)[:, told].max() < 1e-2


def test_a_moment_points_at_its_return_and_surely_so_only_if_there_is_one():
    rng = np.random.default_rng(3)
    verse, chorus, other = (tune(rng.integers(50, 80, 40)) for _ in range(3))  # 20 s each
    features = chorus_features(np.concatenate([chorus, verse, chorus, other]), CHORUS)
    place, weight = features[:, -2 * REPEATS] * COARSE * FRAME_SEC, features[:, -REPEATS]
    part = [
        slice(round((20 * k + 5) / FRAME_SEC), round((20 * k + 15) / FRAME_SEC)) for k in range(4)
    ]
    time = np.arange(len(features)) * FRAME_SEC
    assert np.abs(place - time - 40)[part[0]].max() < 1
    assert np.abs(place - time + 40)[part[2]].max() < 1
    assert min(weight[part[0]].min(), weight[part[2]].min()) > 0.6
    assert max(weight[part[1]].mean(), weight[part[3]].mean()) < 0.4


def test_similarity_is_the_cosine_of_stacked_windows():
    frames = np.random.default_rng(0).normal(size=(40, 5)).astype(np.float32)
    similarity = windowed_similarities(frames, [7])[0]
    for i, j in [(12, 30), (30, 12), (20, 20), (3, 36)]:
        first, second = frames[i - 3 : i + 4].ravel(), frames[j - 3 : j + 4].ravel()
        cosine = first @ second / np.linalg.norm(first) / np.linalg.norm(second)
        assert similarity[i, j] == pytest.approx(cosine, abs=1e-5)
    first, second = frames[0:3].ravel(), frames[37:40].ravel()  # both cut to what both have
    cosine = first @ second / np.linalg.norm(first) / np.linalg.norm(second)
    assert similarity[1, 38] == pytest.approx(cosine, abs=1e-5)


def test_fine_similarity_finds_a_return_off_the_grid_and_minds_the_order():
    rng = np.random.default_rng(0)
    frames = rng.normal(size=(120, 8)).astype(np.float32)
    frames[61:91] = frames[0:30]  # 61 is no multiple of three
    rows = fine_similarities(frames, 3, [7])[0]
    assert rows.shape == (40, 40)
    assert np.array_equal(rows, rows.T)
    assert rows[5, 25] == pytest.approx(1, abs=1e-5)
    frames[61:91] = frames[61:91].reshape(10, 3, 8)[:, ::-1].reshape(30, 8)
    assert fine_similarities(frames, 3, [7])[0][5, 25] < 0.7


def test_best_repeats_skip_near_frames_and_neighbours():
    similarity = np.full((60, 60), 0.1, np.float32)
    similarity[0, 3] = 1.0  # too near
    similarity[0, 30:33] = 0.9, 0.95, 0.9  # one repeat
    similarity[0, 50] = 0.8
    best, place = best_repeats(far_apart(similarity, 5), block=10, count=3)
    assert best[0] == pytest.approx([0.95, 0.8, 0.1])
    assert place[0].tolist() == [31, 50, 5]


def test_averaging_over_repeats_mixes_a_frame_with_its_repeat_only():
    distant = np.full((4, 4), -1, np.float32)
    distant[0, 3] = distant[3, 0] = 1.0
    weights = repeat_weights(distant, sharpness=0.05, share=1.0)
    assert weights.sum(axis=1) == pytest.approx(np.ones(4))
    assert weights[0] == pytest.approx([0.5, 0, 0, 0.5])
    assert weights[1] == pytest.approx([0, 1, 0, 0])


@pytest.mark.parametrize("note", [45, 60, 69, 90])
def test_a_tone_sounds_at_its_own_semitone(note):
    power = pitch_spectrum(tune([note], 3.0), RATE, 3072)[4]
    assert LOWEST + int(power.argmax()) == note
    assert power.shape == (SEMITONES,)


def test_chroma_begin_with_c():
    assert chroma(pitch_spectrum(tune([60], 3.0), RATE, 3072))[4].argmax() == 0


def test_novelty_peaks_where_the_sound_changes():
    frames = np.repeat([[0.0, 1.0], [1.0, 0.0]], 50, axis=0).astype(np.float32)
    curve = novelty(frames, 8)
    assert curve.argmax() == 50
    assert curve[20] == pytest.approx(0)


def test_spectra_of_a_song_have_one_length():
    song = spectra(np.zeros(3073, np.float32), CHORUS)
    assert len(song.mel) == 6 * len(song.pitch) == 12
