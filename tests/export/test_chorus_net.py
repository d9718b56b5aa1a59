"""The bundled chorus network: a lawful file, indifferent to padding, better than loudness."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from audio.chorus_features import COARSE, FRAME_SEC, N_FEATURES, REPEATS, chorus_features
from audio.decode import decode
from audio.segments import segments
from export.front_ends import CHORUS
from export.training.evaluation.chorus import annotations
from export.training.evaluation.chorus_scores import score

MODEL = Path(__file__).parents[2] / "model_repository" / "chorus_net" / "1" / "model.onnx"
SONGS = Path(__file__).parents[2] / ".." / "shared" / "data" / "songs"


@pytest.fixture(scope="module")
def network():
    return onnxruntime.InferenceSession(MODEL, providers=["CPUExecutionProvider"])


def features(frames, seed=0):
    """Chance features with lawful pointers."""
    rng = np.random.default_rng(seed)
    told = rng.normal(size=(frames, N_FEATURES - 2 * REPEATS))
    places = rng.integers(0, -(-frames // COARSE), (frames, REPEATS))
    return np.hstack([told, places, rng.random((frames, REPEATS))]).astype(np.float32)


def answer(network, songs, length):
    """Curves of songs that are padded to one length."""
    padded = np.zeros((len(songs), length, N_FEATURES), np.float32)
    mask = np.zeros((len(songs), length), np.float32)
    for row, song in enumerate(songs):
        padded[row, : len(song)], mask[row, : len(song)] = song, 1
    return network.run(["CURVES"], {"FEATURES": padded, "MASK": mask})[0]


def test_the_file_loads_in_onnx_runtime_1_19():
    model = onnx.load(MODEL)
    assert model.ir_version <= 9
    assert all(opset.version <= 20 for opset in model.opset_import if opset.domain == "")
    assert {opset.domain for opset in model.opset_import} <= {"", "ai.onnx"}
    assert MODEL.stat().st_size <= 12 * 2**20


def test_the_file_says_what_it_is():
    metadata = {entry.key: entry.value for entry in onnx.load(MODEL).metadata_props}
    assert metadata["license"] == "Apache-2.0"
    assert {"model_version", "description"} <= set(metadata)


@pytest.mark.parametrize("frames", [1, 2, 7, 100, 3125])
def test_padding_changes_no_real_frame(network, frames):
    song = features(frames)
    alone = answer(network, [song], frames)[0]
    padded = answer(network, [song], frames + 130)[0]
    assert alone.shape == (frames, 3)
    assert np.abs(padded[:frames] - alone).max() < 1e-4
    assert not padded[frames:].any()


def test_songs_of_one_batch_do_not_meet(network):
    songs = [features(500, seed=1), features(33, seed=2), features(1, seed=3)]
    together = answer(network, songs, 500)
    for row, song in zip(together, songs, strict=True):
        alone = answer(network, [song], len(song))[0]
        assert np.abs(row[: len(song)] - alone).max() < 1e-4


def test_curves_are_probabilities(network):
    curves = answer(network, [features(400)], 400)
    assert curves.min() >= 0
    assert curves.max() <= 1


def test_real_choruses_are_found(network):
    if not SONGS.exists():
        pytest.skip("the annotated songs (../shared/data/songs) are not here")
    scores = []
    for song in annotations(SONGS):
        made = chorus_features(decode((SONGS / song.name).read_bytes(), 16_000), CHORUS)
        curves = answer(network, [made], len(made))[0]
        result = segments(curves, song.duration)
        if song.chorus:
            scores.append(score(song, curves[:, 0], FRAME_SEC, result))
    assert np.mean([s.auc for s in scores]) > 0.93
    assert np.mean([s.f1 for s in scores]) > 0.80
    assert np.mean([s.thumbnail for s in scores]) == 1
