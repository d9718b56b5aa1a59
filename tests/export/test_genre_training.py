"""The genre recipe from pictures to a served graph, small, on textures made here."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

torch = pytest.importorskip("torch", reason="the training extra is not installed")

from export.training.genre.clips import GENRES, Clips, padded_batch  # noqa: E402
from export.training.genre.covariance import Covariance, ridge  # noqa: E402
from export.training.genre.network import Size  # noqa: E402
from export.training.genre.recipe import make  # noqa: E402
from export.training.genre.train import Recipe, Run, trained  # noqa: E402

TOY = Recipe(epochs=4, batch=8, networks=1, size=Size(width=32, layers=1, heads=2))


def _texture(genre: int, chance: np.random.Generator) -> np.ndarray:
    """Gated tones, beat, sweep or noise, each with its own level, colour, tempo and noise."""
    columns = int(chance.integers(150, 300))
    time, band = np.arange(columns), np.arange(128)[:, None]
    beat = np.cos(2 * np.pi * time / chance.uniform(7, 9))
    shape = [
        15 * np.cos(band / chance.uniform(2, 3)) * (time % 40 < 20),
        15 * beat * np.ones((128, 1)),
        15 * np.cos(band / 20 + time / chance.uniform(18, 22)),
        np.zeros((128, columns)),
    ][genre]
    level = chance.uniform(90, 150) - band * chance.uniform(0, 0.4)
    return (level + shape + chance.normal(0, 12, (128, columns))).clip(0, 255).astype(np.uint8)


def _toy_clips(count: int, seed: int) -> Clips:
    chance = np.random.default_rng(seed)
    kinds = np.arange(count) % 4
    return Clips(
        [_texture(int(kind), chance) for kind in kinds],
        np.array([0, 4, 9, 15])[kinds],
        np.arange(count) // 4 % 2,
        np.array([f"artist {clip // 4}" for clip in range(count)]),
        np.array(["toy"] * count),
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[ort.InferenceSession, str]:
    folder = tmp_path_factory.mktemp("genre")
    report = make(TOY, _toy_clips(48, seed=1), folder / "work", folder / "model.onnx")
    session = ort.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
    return session, report


def test_the_recipe_ends_with_a_graph_that_learnt_the_task_and_a_report(
    run: tuple[ort.InferenceSession, str],
) -> None:
    session, report = run
    clips = _toy_clips(40, seed=2)
    pictures, weights = padded_batch(clips.pictures)
    (answers,) = session.run(None, {"PICTURES": pictures, "WEIGHTS": weights})
    assert answers.shape == (40, len(GENRES))
    assert (answers.argmax(axis=1) == clips.labels).mean() >= 0.9
    assert "### Both" in report
    assert "| Electronic | 12 |" in report


def test_padded_windows_change_nothing(run: tuple[ort.InferenceSession, str]) -> None:
    session, _ = run
    pictures, weights = padded_batch(_toy_clips(4, seed=3).pictures)
    (alone,) = session.run(None, {"PICTURES": pictures, "WEIGHTS": weights})
    more = np.concatenate([pictures, np.full_like(pictures, 200)], axis=1)
    none = np.concatenate([weights, np.zeros_like(weights)], axis=1)
    (padded,) = session.run(None, {"PICTURES": more, "WEIGHTS": none})
    np.testing.assert_allclose(padded, alone, atol=1e-4)


def test_a_stopped_training_goes_on_to_the_same_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clips, use, recipe = _toy_clips(16, seed=4), np.arange(16), replace(TOY, epochs=8)
    whole = trained(recipe, clips, use, tmp_path / "whole.pt", "net")
    epoch, left = Run.epoch, iter(range(7))

    def stop_after_seven(run: Run) -> float:
        if next(left, None) is None:
            raise KeyboardInterrupt
        return epoch(run)

    with monkeypatch.context() as stopping:
        stopping.setattr(Run, "epoch", stop_after_seven)
        with pytest.raises(KeyboardInterrupt):
            trained(recipe, clips, use, tmp_path / "cut.pt", "net")
    resumed = trained(recipe, clips, use, tmp_path / "cut.pt", "net")
    for name, value in whole.state_dict().items():
        torch.testing.assert_close(resumed.state_dict()[name], value, rtol=0, atol=0, msg=name)


def test_checkpoints_of_another_recipe_are_refused(tmp_path: Path) -> None:
    (tmp_path / "recipe.json").write_text("{}")
    with pytest.raises(ValueError, match="another recipe"):
        make(TOY, _toy_clips(8, seed=5), tmp_path, tmp_path / "model.onnx")


def test_the_root_difference_agrees_with_an_eigendecomposition() -> None:
    rows = torch.randn(3, 172, 900, generator=torch.Generator().manual_seed(6))
    rows *= torch.logspace(2, 0, 172)[:, None] * torch.tensor([0.3, 1.0, 3.0])[:, None, None]
    matrices = rows @ rows.transpose(1, 2) / 900
    branch = Covariance(128)
    branch.fit(matrices)
    values, vectors = torch.linalg.eigh(
        (branch.whitening @ (matrices + 10 * torch.eye(172)) @ branch.whitening).double()
    )
    wanted = (vectors * (values.sqrt() - values.rsqrt()).unsqueeze(1)) @ vectors.transpose(1, 2)
    got = branch.curved(matrices).double().reshape(3, 172, 172)
    assert (got - wanted).abs().max() < 1e-3
    assert wanted.abs().max() > 0.5


def test_level_and_equalisation_do_not_change_the_covariance() -> None:
    chance = torch.Generator().manual_seed(7)
    sound = torch.randn(1, 2, 128, 216, generator=chance) * 8
    louder = sound + 12
    branch, weights = Covariance(128), torch.ones(1, 2)
    torch.testing.assert_close(
        branch.covariance(louder, weights), branch.covariance(sound, weights), rtol=1e-3, atol=0.05
    )


def test_ridge_agrees_with_its_primal_solution() -> None:
    chance = torch.Generator().manual_seed(8)
    features = torch.randn(40, 5, generator=chance).double()
    labels = torch.arange(40) % 2  # as many of each, so that all clips weigh the same
    weights, bias = ridge(features, labels, 2, strength=0.5)
    centred = features - features.mean(dim=0)
    penalty = 0.5 * centred.square().sum(dim=1).mean() * torch.eye(5)
    targets = torch.nn.functional.one_hot(labels, 2) - 0.5
    wanted = torch.linalg.solve(centred.T @ centred + penalty, centred.T @ targets.double())
    torch.testing.assert_close(weights.double(), wanted, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(bias.double(), -features.mean(dim=0) @ wanted, rtol=1e-4, atol=1e-6)
