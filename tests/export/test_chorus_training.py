"""The chorus recipe from end to end on songs that the test makes itself."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest

torch = pytest.importorskip("torch")

from audio.chorus_features import FRAME_SEC, chorus_features  # noqa: E402
from export.chorus.export import Request, export_chorus  # noqa: E402
from export.front_ends import CHORUS  # noqa: E402
from export.training.chorus import recipe, renders, train  # noqa: E402
from export.training.chorus.examples import examples  # noqa: E402
from export.training.chorus.train import Recipe  # noqa: E402
from export.training.evaluation.chorus_scores import auc  # noqa: E402

RATE = CHORUS.sample_rate
PART = 20  # seconds


def tune(rng, level):
    """Twenty seconds of chance melody."""
    time = np.arange(RATE // 2) / RATE
    notes = 440 * 2 ** ((rng.integers(50, 80, 2 * PART) - 69) / 12)
    tones = np.sin(2 * np.pi * notes[:, None] * time) * np.exp(-3 * time)
    return level * tones.ravel()


def song(seed):
    """Melody and band of verse, chorus, verse, chorus, end: choruses return, a little louder."""
    rng = np.random.default_rng(seed)
    stems = []
    for _ in range(2):
        chorus = tune(rng, 0.5)
        parts = [tune(rng, 0.3), chorus, tune(rng, 0.3), chorus, tune(rng, 0.3)]
        samples = np.concatenate(parts) + 1e-3 * rng.standard_normal(5 * PART * RATE)
        stems.append(samples.astype(np.float32))
    cuts = np.arange(6.0) * PART
    sections = np.stack([cuts[:-1], cuts[1:]], axis=1)
    onsets = np.arange(0, 5 * PART, 0.5)
    found = renders.Labels(
        sections,
        np.array(["A", "B", "C", "B", "D"]),
        sections[[1, 3]],
        np.zeros((0, 2)),
        np.stack([onsets, onsets + 0.4], axis=1),
    )
    return *stems, found


def mixed(seed):
    """What is heard of :func:`song`, and its labels."""
    voice, band, found = song(seed)
    return voice + band, found


def build(folder, out):
    recipe.build(
        folder / "renders",
        folder / "work",
        out,
        recipe=Recipe(epochs=20, batch=4),
        shape=recipe.default_shape(),
        nets=1,
        variants=2,
        seed=5,
    )


def curves(path, samples, padding=0):
    features = chorus_features(samples, CHORUS)
    mask = np.ones(len(features), np.float32)
    features = np.pad(features, ((0, padding), (0, 0)))[None]
    mask = np.pad(mask, (0, padding))[None]
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(None, {"FEATURES": features, "MASK": mask})[0][0]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("chorus")
    (folder / "renders").mkdir()
    for seed in range(9):
        renders.keep(folder / "renders" / f"{seed:03d}_0.npz", *song(seed))
    build(folder, folder / "model.onnx")
    return folder


def test_the_recipe_learns_which_part_is_the_chorus(trained):
    areas = []
    for seed in (100, 101):
        samples, found = mixed(seed)
        chorus = curves(trained / "model.onnx", samples)[:, 0]
        time = (np.arange(len(chorus)) + 0.5) * FRAME_SEC
        truth = ((time[:, None] > found.chorus[:, 0]) & (time[:, None] < found.chorus[:, 1])).any(1)
        areas.append(auc(chorus, truth))
    assert min(areas) > 0.9


def test_the_recipe_learns_where_parts_begin(trained):
    samples, found = mixed(102)
    start = curves(trained / "model.onnx", samples)[:, 1]
    peaks = np.argsort(-start)[:30] * FRAME_SEC
    near = np.abs(peaks[:, None] - found.sections[:, 0]).min(axis=1)
    assert np.median(near) < 1.0


def test_padding_a_song_changes_none_of_its_frames(trained):
    samples, _ = mixed(103)
    alone = curves(trained / "model.onnx", samples)
    padded = curves(trained / "model.onnx", samples, padding=100)
    assert np.abs(padded[: len(alone)] - alone).max() < 1e-4
    assert not padded[len(alone) :].any()


def test_a_training_that_was_cut_off_goes_on_to_the_same_weights(trained, tmp_path, monkeypatch):
    songs = list(examples(trained / "renders", trained / "work" / "features", variants=1, seed=5))
    settings = (songs[:3], recipe.default_shape(), Recipe(epochs=3, batch=2))
    whole = train.train(*settings, seed=7, checkpoint=tmp_path / "whole.pt").state_dict()

    keep = train._keep

    def cut_off_after_two(path, parts, epoch):
        keep(path, parts, epoch)
        if epoch == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(train, "_keep", cut_off_after_two)
    with pytest.raises(KeyboardInterrupt):
        train.train(*settings, seed=7, checkpoint=tmp_path / "cut.pt")
    resumed = train.train(*settings, seed=7, checkpoint=tmp_path / "cut.pt").state_dict()
    assert all(torch.equal(resumed[name], whole[name]) for name in whole)


def test_the_work_folder_is_exported_as_the_same_network(trained):
    (trained / "repository").mkdir()
    request = Request(trained / "work", trained / "repository", name="chorus_mine")
    export_chorus(request, lambda _: None)
    samples, _ = mixed(104)
    exported = curves(trained / "repository" / "chorus_mine_net" / "1" / "model.onnx", samples)
    np.testing.assert_allclose(exported, curves(trained / "model.onnx", samples), atol=1e-5)


def test_stages_that_are_done_are_not_done_again(trained):
    build(trained, trained / "again.onnx")
    assert (trained / "again.onnx").read_bytes() == (trained / "model.onnx").read_bytes()
