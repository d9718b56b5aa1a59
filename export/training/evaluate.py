"""``python -m export.training.evaluate {chorus,genre,all}``: the figures of what Triton serves."""

from __future__ import annotations

import argparse
from importlib import import_module
from pathlib import Path

_MODELS = ("chorus", "genre")


def main() -> None:
    """Print a Markdown table a model; the pictures' folder is said at the end."""
    parser = argparse.ArgumentParser(
        prog="python -m export.training.evaluate",
        description="Score the served models on labelled music and print Markdown tables.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("model", choices=[*_MODELS, "all"], help="which model to score")
    parser.add_argument("--url", default="127.0.0.1:8001", help="Triton's gRPC address")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="labelled music")
    options = parser.parse_args()
    for name in _MODELS:
        if options.model in (name, "all"):
            module = import_module(f"export.training.evaluation.{name}")  # only what is asked for
            print(f"## {name}\n\n{module.evaluate(options.url, options.data)}\n", flush=True)


if __name__ == "__main__":
    main()
