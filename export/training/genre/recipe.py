"""The whole recipe in order: cross-validate, train on everything, fuse, export, report."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np
import onnx
import torch

from export import proof
from export.training.evaluation.genre_scores import genre_table, table
from export.training.genre import fusion
from export.training.genre.clips import Clips, served_windows
from export.training.genre.crossvalidation import covariances, cross_validated, readout
from export.training.genre.graph import Served, to_onnx
from export.training.genre.network import Transformer
from export.training.genre.train import Recipe, trained
from export.training.onnx_file import save

VERSION = "1.1.0"

_PROVEN = 20  # clips whose windows the file is held to PyTorch on

METADATA = {
    "model_version": VERSION,
    "license": "Apache-2.0",
    "description": "Mel pictures to probabilities of sixteen genres; see model_card.md",
}


def make(
    recipe: Recipe,
    clips: Clips,
    work: Path,
    output: Path,
    metadata: Mapping[str, str] = METADATA,
) -> str:
    """Run the recipe; checkpoints in ``work`` are gone on from.

    Args:
        recipe: what to do.
        clips: the labelled clips.
        work: folder for checkpoints and ``cross_validation.md``.
        output: the ONNX file to write.
        metadata: of that file.

    Returns:
        Markdown: the cross-validated figures.

    Raises:
        ValueError: ``work`` holds checkpoints of another recipe or other clips.
        ExportError: the file does not answer what PyTorch does.
    """
    _same_recipe(recipe, clips, work)
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
    served = Served(branch, weights, networks, factors).eval()
    model = to_onnx(served)
    _prove(served, model, clips)
    save(model, output, metadata=metadata)
    return report


def _prove(served: Served, model: onnx.ModelProto, clips: Clips) -> None:
    """Weights are stored in 16 bits, so that is what the file is held to."""

    def run(pictures: proof.UInt8, weights: proof.Float32) -> proof.Float32:
        with torch.no_grad():
            return np.asarray(served(torch.from_numpy(pictures), torch.from_numpy(weights)))

    some = clips.pictures[:: max(1, len(clips) // _PROVEN)]
    shown = list(proof.examples(np.concatenate([served_windows(each) for each in some])))
    expected = proof.answers(run, shown)
    difference = proof.hold("ONNX", expected, proof.runner(model), shown, proof.HALF)
    print(f"largest difference from PyTorch: {difference:.1e}")


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
    return "\n\n".join([*sections, genre_table(both, labels, clips.genres)]) + "\n"


def _same_recipe(recipe: Recipe, clips: Clips, work: Path) -> None:
    """Checkpoints of one recipe and its clips must not be gone on from with others."""
    work.mkdir(parents=True, exist_ok=True)
    note = work / "recipe.json"
    text = json.dumps({**asdict(recipe), "clips": clips.fingerprint}, indent=1)
    if note.exists() and note.read_text() != text:
        raise ValueError(
            f"{work} holds checkpoints of another recipe or other clips: remove it, or choose "
            "another with --work"
        )
    note.write_text(text)
