"""``python -m export``: models from elsewhere into a Triton model repository."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from export.configs import Machine, Target
from export.errors import ExportError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="Bring models from elsewhere into a Triton model repository, proven equal.",
)
_REPOSITORY = Path("model_repository")

Repository = Annotated[Path, typer.Option(help="The model repository to write to.")]


@app.command()
def genre(  # noqa: PLR0913, PLR0917  every one is an option of the command
    checkpoint: Annotated[
        str, typer.Option(help="Folder of save_pretrained, hub name, or torchvision state dict.")
    ],
    repository: Repository = _REPOSITORY,
    name: Annotated[
        str | None, typer.Option(help="Of the ensemble; from the checkpoint's.")
    ] = None,
    version: Annotated[int, typer.Option(help="Of the models; the served one stays.")] = 1,
    labels: Annotated[Path | None, typer.Option(help="File with a genre a line, in order.")] = None,
    picture: Annotated[str, typer.Option(help="specshow (drawn in colours) or grey.")] = "specshow",
    window_seconds: Annotated[float, typer.Option(help="Of a song, in one picture.")] = 30.0,
    precision: Annotated[str, typer.Option(help="fp32, int8 (CPU) or fp16 (GPU).")] = "fp32",
    clips: Annotated[Path | None, typer.Option(help="Folder of audio to prove it on.")] = None,
    target: Annotated[Target, typer.Option(help="What the network will run on.")] = Target.CPU,
    cores: Annotated[int, typer.Option(min=1, help="Of the CPU, for threads and instances.")] = 1,
    gpus: Annotated[int, typer.Option(min=1, help="With --target cuda or tensorrt.")] = 1,
) -> None:
    """Export a vision transformer (Hugging Face or torchvision) that names genres.

    Three models are written: NAME (send it audio), NAME_mel and NAME_vit. For example:

    `python -m export genre --checkpoint ./my-vit --precision int8`

    `python -m export genre --checkpoint save.pt --labels genres.txt --name genre_ccmusic`
    """
    from export.genre.export import Picture, Precision, Request, export_genre

    try:
        request = Request(
            checkpoint=checkpoint,
            repository=repository,
            name=name,
            version=version,
            labels=labels,
            picture=Picture(picture),
            window_seconds=window_seconds,
            precision=Precision(precision),
            clips=clips,
            machine=Machine(target, cores, 0 if target is Target.CPU else gpus),
        )
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    export_genre(request, typer.echo)


@app.command()
def chorus(
    checkpoint: Annotated[
        Path, typer.Option(help="DeepChorus' .h5 file, or the chorus recipe's work folder.")
    ],
    repository: Repository = _REPOSITORY,
    name: Annotated[
        str | None, typer.Option(help="Of the ensemble; from the checkpoint's.")
    ] = None,
    version: Annotated[int, typer.Option(help="Of the models; the served one stays.")] = 1,
    target: Annotated[Target, typer.Option(help="What the network will run on.")] = Target.CPU,
    cores: Annotated[int, typer.Option(min=1, help="Of the CPU, for threads and instances.")] = 1,
    gpus: Annotated[int, typer.Option(min=1, help="With --target cuda or tensorrt.")] = 1,
) -> None:
    """Export a chorus network: DeepChorus as published (Keras), or one of our own recipe.

    Four models are written: NAME (send it audio), NAME_mel, NAME_net and NAME_segments:

    `python -m export chorus --checkpoint Deepchorus_2021.h5 --name chorus_published`

    `python -m export chorus --checkpoint .cache/chorus --name chorus_mine`
    """
    from export.chorus.export import Request, export_chorus

    machine = Machine(target, cores, 0 if target is Target.CPU else gpus)
    export_chorus(Request(checkpoint, repository, name, version, machine), typer.echo)


@app.command()
def check(
    repository: Annotated[Path, typer.Argument(help="The model repository.")] = _REPOSITORY,
    cores: Annotated[int, typer.Option(min=1, help="Of the machine it is for.")] = 1,
) -> None:
    """Check a whole repository: wiring, shapes, labels, opsets, warmup, queues, threads."""
    from export.check import faults

    found = faults(repository, cores)
    for each in found:
        typer.echo(each)
    if found:
        raise typer.Exit(1)
    typer.echo(f"{repository}: no fault found")


@app.command()
def bench(
    model: Annotated[list[Path], typer.Argument(help="Folders of versions, or model.onnx files.")],
    threads: Annotated[int, typer.Option(min=1)] = 1,
    rounds: Annotated[int, typer.Option(min=2, help="Calls a batch size.")] = 20,
) -> None:
    """Print mean, p50, p95 and p99 of each network, a line a batch size.

    Networks are measured by turns in one run: compare those, not runs.
    """
    from export.bench import table

    typer.echo(table(model, threads, rounds))


def main() -> int:
    """Run the command; 1 where something is wrong, told in a sentence."""
    try:
        ended = app(standalone_mode=False)
    except ExportError as error:
        print(f"export: {error}", file=sys.stderr)
        return 1
    except (typer.Abort, KeyboardInterrupt):
        print("export: stopped; nothing was written", file=sys.stderr)
        return 130
    except Exception as error:
        show = getattr(error, "show", None)  # the parser's own errors show themselves
        if show is None:
            raise
        show()
        return 2
    return ended if isinstance(ended, int) else 0


if __name__ == "__main__":
    sys.exit(main())
