"""The genre recipe's command line."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from export.training.genre.clips import load
from export.training.genre.recipe import make
from export.training.genre.train import Recipe


def main() -> None:
    """Train, export and report as the options say."""
    standard = Recipe()
    parser = argparse.ArgumentParser(
        prog="python -m export.training.genre",
        description="Cross-validate the genre recipe over artist folds, train the shipped "
        "networks on all clips, and write the served ONNX file. Goes on from its checkpoints. "
        "About an hour on one core with AMX; the same seed and threads give the same weights.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument(
        "--data", type=Path, default=Path("../shared/data"), help="folder that holds genre/"
    )
    parser.add_argument(
        "--work", type=Path, default=Path(".cache/genre"), help="checkpoints and figures"
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("model_repository/genre_vit/1/model.onnx"),
        help="the ONNX file to write",
    )
    parser.add_argument("--epochs", type=int, default=standard.epochs, help="passes a network")
    parser.add_argument(
        "--networks", type=int, default=standard.networks, help="transformers in the shipped graph"
    )
    parser.add_argument("--seed", type=int, default=standard.seed, help="of all random choices")
    parser.add_argument("--threads", type=int, default=1, help="cores to use")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    recipe = Recipe(epochs=options.epochs, networks=options.networks, seed=options.seed)
    print(make(recipe, load(options.data), options.work, options.output))


if __name__ == "__main__":
    main()
