"""From a folder of labelled music to a genre model of one's own in a Triton repository."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from export.configs import Machine
from export.front_ends import GENRE
from export.genre.models import GenreModels
from export.report import provenance, write
from export.staging import staging
from export.training.genre.clips import BANDS, MAX_WINDOWS, WINDOW
from export.training.genre.folder import Tell, load_folder
from export.training.genre.recipe import make
from export.training.genre.train import Recipe

_BUCKETS = (1, 3, MAX_WINDOWS)


def train_folder(
    folder: Path,
    recipe: Recipe,
    *,
    name: str,
    repository: Path,
    work: Path,
    version: int = 1,
    tell: Tell = print,
) -> dict[str, Any]:
    """Read, train, judge, export; a run that was stopped goes on from ``work``.

    Args:
        folder: see ``export.training.genre.folder``.
        recipe: how to train.
        name: of the ensemble; the others add ``_mel`` and ``_vit``.
        repository: the model repository to write to.
        work: pictures, checkpoints and ``cross_validation.md``.
        version: of the models.
        tell: is told how far it is.

    Returns:
        What ``export.json`` says.

    Raises:
        ExportError: with what to change.
        ValueError: ``work`` belongs to another run.
    """
    clips = load_folder(folder, work / "pictures", tell)
    tell(f"{len(clips)} files, {len(clips.genres)} genres: {', '.join(clips.genres)}")
    models = GenreModels(
        name=name,
        version=version,
        labels=tuple(clips.genres),
        picture=(1, BANDS, WINDOW),
        parameters={key: str(value) for key, value in asdict(GENRE).items()}
        | {"window_columns": str(WINDOW)},
        buckets=_BUCKETS,
    )
    metadata = {
        "model_version": f"{version}.0.0",
        "description": f"Mel pictures to probabilities of {', '.join(clips.genres)}",
    }
    with staging(repository, version) as stage:
        network = models.write(stage, Machine())
        judged = make(recipe, clips, work, network / "model.onnx", metadata)
        report = {
            "files": len(clips),
            "genres": list(clips.genres),
            "folds": len(clips.fold_numbers),
            "recipe": asdict(recipe),
            **provenance(str(folder), Machine().target, network / "model.onnx"),
        }
        write(report, network)
        (network.parent / "model_card.md").write_text(_card(name, report, judged))
    tell(judged)
    tell(f"{name}, {name}_mel and {name}_vit are in {repository}")
    return report


def _card(name: str, report: dict[str, Any], judged: str) -> str:
    """What was judged on files that the judged networks had not learnt from."""
    return (
        f"# {name}\n\n{report['files']} files of {len(report['genres'])} genres; judged in "
        f"{report['folds']} folds, each by networks that had seen none of its files. The served "
        f"ones have learnt from all.\n\n{judged}"
    )
