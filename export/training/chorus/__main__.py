"""``python -m export.training.chorus``: from MIDI files to the ONNX file that Triton serves."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from export.training.chorus import recipe, renders
from export.training.chorus.train import Recipe
from export.training.evaluation.chorus import evaluate_file

_STYLES = 909  # seed of the renders: they are material, the same for every training seed


def main() -> None:
    """Run every stage that has not been run yet."""
    options = _options()
    torch.set_num_threads(options.threads)
    folder = options.work / "renders"
    for line in renders.make(
        options.data,
        folder,
        versions=options.versions,
        seed=_STYLES,
        workers=options.threads,
    ):
        print(line, flush=True)
    recipe.build(
        folder,
        options.work,
        options.out,
        recipe=Recipe(epochs=options.epochs),
        shape=recipe.default_shape(),
        nets=options.nets,
        variants=options.variants,
        seed=options.seed,
        songs=options.data / "songs",
    )
    print(evaluate_file(options.out, options.data))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m export.training.chorus",
        description=(
            "Render POP909 with fluidsynth, make features, train, calibrate, export and evaluate. A"
            " run that was cut off goes on where it stopped; delete the work folder to begin anew."
        ),
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    data, work = Path("../shared/data"), Path(".cache/chorus")
    out = Path("model_repository/chorus_net/1/model.onnx")
    parser.add_argument("--data", type=Path, default=data, help="holds pop909/ and songs/")
    parser.add_argument("--work", type=Path, default=work, help="renders, features, checkpoints")
    parser.add_argument("--out", type=Path, default=out, help="the ONNX file to write")
    parser.add_argument("--seed", type=int, default=0, help="of training and augmentation")
    parser.add_argument("--versions", type=int, default=1, help="styles each song is rendered in")
    parser.add_argument(
        "--variants", type=int, default=3, help="of each render, all but one altered"
    )
    parser.add_argument("--nets", type=int, default=6, help="networks averaged in the file")
    parser.add_argument("--epochs", type=int, default=4, help="of each network")
    parser.add_argument("--threads", type=int, default=1, help="of rendering and training")
    return parser.parse_args()


if __name__ == "__main__":
    main()
