"""The genre recipe's command line."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch

from export.errors import ExportError
from export.report import name_of
from export.training.genre.clips import load
from export.training.genre.own_labels import train_folder
from export.training.genre.recipe import make
from export.training.genre.train import Recipe

_EXAMPLE = """for example, with a folder a genre and a file a song:

  python -m export.training.genre --folder ~/music --name genre_mine
  ACOUSTICSENSE_GENRE_MODEL=genre_mine make serve

Stopped, the same command goes on where it was.
"""


def main() -> int:
    """Train, export and report; 1 where something is wrong, said in a sentence."""
    options = _options()
    torch.set_num_threads(options.threads)
    recipe = Recipe(epochs=options.epochs, networks=options.networks, seed=options.seed)
    try:
        if options.folder:
            name = options.name or name_of("genre", str(options.folder.resolve()))
            work = options.work or Path(".cache") / name
            train_folder(
                options.folder, recipe, name=name, repository=options.repository, work=work,
                version=options.version,
            )  # fmt: skip
        else:
            work = options.work or Path(".cache/genre")
            print(make(recipe, load(options.data), work, options.output))
    except (ExportError, ValueError, OSError) as error:
        print(f"genre: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("genre: stopped; the same command goes on from its checkpoints", file=sys.stderr)
        return 130
    return 0


def _options() -> argparse.Namespace:
    standard = Recipe()
    parser = argparse.ArgumentParser(
        prog="python -m export.training.genre",
        description="Cross-validate the genre recipe over folds, train the shipped networks on all "
        "clips, and write the served ONNX file: the bundled model, or with --folder one of your "
        "own labels. Goes on from its checkpoints. A thousand clips take an hour on one core with "
        "AMX; the same seed and threads give the same weights.",
        epilog=_EXAMPLE,
        formatter_class=_Help,
    )
    own = parser.add_argument_group("your own labels")
    own.add_argument("--folder", type=Path, help="holds a folder a genre, such as Jazz/one.mp3")
    own.add_argument("--name", help="of the model; from the folder's, if not given")
    own.add_argument(
        "--repository", type=Path, default=Path("model_repository"), help="to write to"
    )
    own.add_argument("--version", type=int, default=1, help="of the model; others stay")
    bundled = parser.add_argument_group("the bundled model")
    bundled.add_argument(
        "--data", type=Path, default=Path("../shared/data"), help="folder that holds genre/"
    )
    bundled.add_argument(
        "--output",
        type=Path,
        default=Path("model_repository/genre_vit/1/model.onnx"),
        help="the ONNX file to write",
    )
    parser.add_argument(
        "--work", type=Path, help="checkpoints and figures; .cache/ and the name, if not given"
    )
    parser.add_argument("--epochs", type=int, default=standard.epochs, help="passes a network")
    parser.add_argument(
        "--networks", type=int, default=standard.networks, help="transformers in the shipped graph"
    )
    parser.add_argument("--seed", type=int, default=standard.seed, help="of all random choices")
    parser.add_argument("--threads", type=int, default=1, help="cores to use")
    return parser.parse_args()


class _Help(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Defaults are shown where there are some, and the example keeps its lines."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        return action.help if action.default is None else super()._get_help_string(action)


if __name__ == "__main__":
    sys.exit(main())
