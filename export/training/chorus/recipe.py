"""The recipe's stages after rendering: features, several networks, calibration, one ONNX file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from audio.chorus_features import FRAME_SEC, N_FEATURES, N_LOCAL, chorus_features
from audio.decode import decode
from export.front_ends import CHORUS
from export.training.chorus.calibration import Calibration, fit
from export.training.chorus.examples import Example, examples
from export.training.chorus.network import ChorusNet, Shape
from export.training.chorus.to_onnx import ServedNet, write
from export.training.chorus.train import Recipe, collate, loss_of, train
from export.training.evaluation.chorus import annotations
from export.training.evaluation.chorus_scores import Annotation, grid

Float32 = NDArray[np.float32]

FOLDS = 8
"""Each network leaves out one of so many groups of songs, to be judged on it."""


def build(  # noqa: PLR0913 – the recipe's knobs, each named
    renders: Path,
    work: Path,
    out: Path,
    *,
    recipe: Recipe,
    shape: Shape,
    nets: int,
    variants: int,
    seed: int,
    songs: Path | None = None,
) -> None:
    """Train on kept renders and write the ONNX file.

    Args:
        renders: folder of ``export.training.chorus.renders``.
        work: features and checkpoints go here; a run that was cut off goes on from it.
        out: the ONNX file.
        recipe: of each network's training.
        shape: of each network.
        nets: how many networks are averaged, each with its own seed and left-out fold.
        variants: of each render, the first unaltered.
        seed: decides everything random.
        songs: real songs with annotations, for calibration; none leaves probabilities as they are.
    """
    torch.use_deterministic_algorithms(mode=True)
    everything = list(examples(renders, work / "features", variants=variants, seed=seed))
    trained = []
    for number in range(nets):
        rest, left_out = _split(everything, number)
        checkpoint = work / "checkpoints" / f"net{number}.pt"
        net = train(rest, shape, recipe, seed=seed + number, checkpoint=checkpoint)
        print(f"net {number}: loss on {len(left_out)} left-out renders {_loss(net, left_out):.4f}")
        trained.append(net)
    calibration = _calibrated(trained, songs) if songs else Calibration(1.0, 0.0)
    print(f"calibration: logit x {calibration.scale:.3f} + {calibration.shift:.3f}")
    (work / "calibration.json").write_text(json.dumps(asdict(calibration)))  # for export chorus
    write(ServedNet(trained, calibration.scale, calibration.shift), N_FEATURES, out)
    print(f"wrote {out}, {out.stat().st_size} bytes")


def default_shape() -> Shape:
    """The bundled model's sizes."""
    return Shape(features=N_FEATURES, local=N_LOCAL)


def _split(songs: Sequence[Example], number: int) -> tuple[list[Example], list[Example]]:
    """All renders of a song fall on one side; of the left-out only the unaltered are kept."""
    names = sorted({song.name.partition("_")[0] for song in songs})
    apart = set(names[number % FOLDS :: FOLDS])
    rest = [song for song in songs if song.name.partition("_")[0] not in apart]
    left_out = [s for s in songs if s.name.partition("_")[0] in apart and not s.variant]
    return rest, left_out


def _loss(net: ChorusNet, songs: Sequence[Example]) -> float:
    losses = []
    for song in songs:
        features, mask, targets, weight = collate([song])
        with torch.no_grad():
            losses.append(float(loss_of(net(features, mask), targets, weight)))
    return float(np.mean(losses))


def _calibrated(nets: Sequence[ChorusNet], folder: Path) -> Calibration:
    """Fit on real songs; also say how well songs that were left out of the fit are calibrated."""
    pairs = list(_judged(nets, folder))
    apart = [
        fit([pair for other, pair in enumerate(pairs) if other != song]).error([pairs[song]])
        for song in range(len(pairs))
    ]
    print(f"calibration error of a song left out of the fit: mean {np.mean(apart):.3f}")
    return fit(pairs)


def _judged(
    nets: Sequence[ChorusNet], folder: Path
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.bool_]]]:
    """A real song's logits on the scoring grid and whether each point is chorus."""
    for song in annotations(folder):
        samples = decode((folder / song.name).read_bytes(), CHORUS.sample_rate)
        yield _on_grid(logits(nets, chorus_features(samples, CHORUS))[:, 0], song)


def logits(nets: Sequence[ChorusNet], features: Float32) -> Float32:
    """Mean logits of the networks for one song, ``(T, HEADS)``."""
    frames = torch.from_numpy(features).unsqueeze(0)
    mask = torch.ones(frames.shape[:2])
    with torch.no_grad():
        answers = torch.stack([net(frames, mask) for net in nets])
    return np.asarray(answers.mean(dim=0)[0].numpy(), dtype=np.float32)


def _on_grid(logit: Float32, song: Annotation) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    times, truth = grid(song)
    return np.interp(times, (np.arange(len(logit)) + 0.5) * FRAME_SEC, logit), truth
