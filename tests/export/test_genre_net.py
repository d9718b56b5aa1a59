"""The genre model that the repository carries, as any ONNX Runtime sees it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from export.training.evaluation.genre_scores import top
from export.training.genre.clips import BANDS, GENRES, WINDOW, load, padded_batch

PROJECT = Path(__file__).parents[2]
MODEL = PROJECT / "model_repository" / "genre_vit" / "1" / "model.onnx"
DATA = PROJECT.parent / "shared" / "data"


@pytest.fixture(scope="module")
def session() -> ort.InferenceSession:
    return ort.InferenceSession(MODEL, providers=["CPUExecutionProvider"])


def _ask(session: ort.InferenceSession, pictures: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return session.run(["PROBABILITIES"], {"PICTURES": pictures, "WEIGHTS": weights})[0]


def _songs(batch: int, windows: int) -> tuple[np.ndarray, np.ndarray]:
    """Noise of a slope, a beat and a range that differ from song to song."""
    chance = np.random.default_rng(5)
    slope = np.linspace(0, 1, BANDS)[:, None] * chance.uniform(20, 120, (batch, 1, 1, 1, 1))
    period = chance.uniform(4, 40, (batch, 1, 1, 1, 1))
    beat = 30 * np.cos(2 * np.pi * np.arange(WINDOW) / period)
    noise = chance.normal(0, 15, (batch, windows, 1, BANDS, WINDOW))
    pictures = (190 - slope + beat + noise).clip(0, 255).astype(np.uint8)
    return pictures, np.ones((batch, windows), dtype=np.float32)


def test_the_file_is_one_that_every_triton_we_serve_with_can_load() -> None:
    model = onnx.load(MODEL)
    assert model.ir_version <= 9
    assert {opset.domain: opset.version for opset in model.opset_import}[""] <= 20
    assert {node.domain for node in model.graph.node} <= {"", "ai.onnx"}
    assert MODEL.stat().st_size <= 12 * 1024 * 1024
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    assert metadata["model_version"]
    assert metadata["license"] == "Apache-2.0"


def test_the_graph_holds_a_transformer() -> None:
    kinds = [node.op_type for node in onnx.load(MODEL).graph.node]
    assert kinds.count("LayerNormalization") >= 8
    assert kinds.count("Softmax") >= 5  # attention, and the answer


def test_labels_are_the_sixteen_genres_in_order() -> None:
    for name in ("genre", "genre_vit"):
        labels = (PROJECT / "model_repository" / name / "labels.txt").read_text().splitlines()
        assert tuple(labels) == GENRES


def test_probabilities_sum_to_one_and_differ_from_song_to_song(
    session: ort.InferenceSession,
) -> None:
    answers = _ask(session, *_songs(7, 3))
    assert answers.shape == (7, 16)
    np.testing.assert_allclose(answers.sum(axis=1), 1.0, atol=1e-5)
    assert answers.min() >= 0
    assert np.abs(answers - answers[0]).max() > 0.05


@pytest.mark.parametrize("batch", [1, 2, 7])
def test_a_song_gets_the_same_answer_in_every_batch(
    session: ort.InferenceSession, batch: int
) -> None:
    pictures, weights = _songs(7, 2)
    alone = np.concatenate(
        [_ask(session, pictures[i : i + 1], weights[i : i + 1]) for i in range(batch)]
    )
    np.testing.assert_allclose(_ask(session, pictures[:batch], weights[:batch]), alone, atol=1e-4)


@pytest.mark.parametrize("windows", [1, 3])
def test_padding_windows_change_nothing(session: ort.InferenceSession, windows: int) -> None:
    pictures, weights = _songs(2, windows)
    filler = np.full((2, 8 - windows, 1, BANDS, WINDOW), 99, dtype=np.uint8)
    padded = _ask(
        session,
        np.concatenate([pictures, filler], axis=1),
        np.concatenate([weights, np.zeros((2, 8 - windows), np.float32)], axis=1),
    )
    np.testing.assert_allclose(padded, _ask(session, pictures, weights), atol=1e-4)


def test_a_quieter_recording_keeps_its_genre(session: ort.InferenceSession) -> None:
    pictures, weights = _songs(4, 2)
    pictures = pictures.clip(60, 220)
    quieter = (pictures - 30).astype(np.uint8)
    difference = _ask(session, quieter, weights) - _ask(session, pictures, weights)
    assert np.abs(difference).max() < 0.01


def test_silence_is_answered(session: ort.InferenceSession) -> None:
    silence = np.zeros((1, 1, 1, BANDS, WINDOW), dtype=np.uint8)
    answers = _ask(session, silence, np.ones((1, 1), np.float32))
    assert np.isfinite(answers).all()


@pytest.mark.skipif(not DATA.exists(), reason="../shared/data is not here")
def test_the_clips_it_learnt_from_are_recognised(session: ort.InferenceSession) -> None:
    """Not a measure of quality (see the card), but a wrong export or label order falls through."""
    clips = load(DATA)
    some = range(0, len(clips), 10)
    pictures, weights = padded_batch([clips.pictures[i] for i in some])
    answers = _ask(session, pictures, weights).astype(np.float64)
    assert top(1)(answers, clips.labels[list(some)]) >= 0.8
    assert top(3)(answers, clips.labels[list(some)]) >= 0.93
