"""The whole recipe in order: cross-validate, train on everything, fuse, export, report."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np

from export.training.evaluation.genre_scores import genre_table, table
from export.training.genre import fusion
from export.training.genre.clips import GENRES, Clips
from export.training.genre.crossvalidation import covariances, cross_validated, readout
from export.training.genre.graph import Served, to_onnx
from export.training.genre.network import Transformer
from export.training.genre.train import Recipe, trained
from export.training.onnx_file import save

VERSION = "1.1.0"

METADATA = {
    "model_version": VERSION,
    "license": "Apache-2.0",
    "description": "Mel pictures to probabilities of sixteen genres; see model_card.md",
}


def make(recipe: Recipe, clips: Clips, work: Path, output: Path) -> str:
    """Run the recipe; checkpoints in ``work`` are gone on from.

    Args:
        recipe: what to do.
        clips: the labelled clips.
        work: folder for checkpoints and ``cross_validation.md``.
        output: the ONNX file to write.

    Returns:
        Markdown: the cross-validated figures.

    Raises:
        ValueError: ``work`` holds checkpoints of another recipe.
    """
    _same_recipe(recipe, work)
    folds = clips.fold_numbers
    total = len(folds) + recipe.networks

    def network(name: str, number: int, use: np.ndarray) -> Transformer:
        print(f"network {number} of {total}: {len(use)} clips", flush=True)
        return trained(recipe, clips, use, work / f"{name}.pt", name)

    matrices = covariances(clips)
    unseen = cross_validated(
        clips,
        matrices,
        recipe.ridge,
        lambda fold: network(
            f"fold-{fold}", folds.index(fold) + 1, np.flatnonzero(clips.folds != fold)
        ),
    )
    report = _report(unseen.scores, unseen.opinions, clips)
    (work / "cross_validation.md").write_text(report)

    everything = np.arange(len(clips))
    networks = [
        network(f"all-{index}", len(folds) + 1 + index, everything)
        for index in range(recipe.networks)
    ]
    factors = fusion.fitted(unseen.scores, unseen.opinions, clips.labels)
    print(*(f"{name}: {values.round(2)}" for name, values in factors._asdict().items()), sep="\n")
    branch, weights = readout(matrices, clips, everything, recipe.ridge)
    save(to_onnx(Served(branch, weights, networks, factors)), output, metadata=METADATA)
    return report


def _report(scores: np.ndarray, opinions: np.ndarray, clips: Clips) -> str:
    """Both branches alone and together, then together by collection and by genre."""
    labels, folds = clips.labels, clips.folds
    nothing = np.zeros_like(scores)
    both = fusion.fused_by_folds(scores, opinions, labels, folds)
    parts = {
        "Covariance branch alone": fusion.fused_by_folds(scores, nothing, labels, folds),
        "Transformer branch alone": fusion.fused_by_folds(nothing, opinions, labels, folds),
        "Both": both,
    }
    sections = [
        f"### {name}\n\n{table(answers, labels, clips.groups, clips.collections)}"
        for name, answers in parts.items()
    ]
    return "\n\n".join([*sections, genre_table(both, labels, GENRES)]) + "\n"


def _same_recipe(recipe: Recipe, work: Path) -> None:
    """Checkpoints of one recipe must not be gone on from with another."""
    work.mkdir(parents=True, exist_ok=True)
    note = work / "recipe.json"
    text = json.dumps(asdict(recipe), indent=1)
    if note.exists() and note.read_text() != text:
        raise ValueError(f"{work} holds checkpoints of another recipe: remove it or choose another")
    note.write_text(text)
