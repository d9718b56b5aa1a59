"""Writing models into a repository whole or not at all."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2 as pb

from export.configs import text
from export.errors import ExportError

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


class Staging:
    """Models written beside the repository; :meth:`publish` moves them in, each in one step."""

    def __init__(self, folder: Path, repository: Path, version: int) -> None:
        self._folder = folder
        self._repository = repository
        self._version = version
        self._models: list[str] = []

    def model(self, config: pb.ModelConfig, labels: tuple[str, ...] = ()) -> Path:
        """Begin a model; the folder of its version, to put files into.

        Raises:
            ExportError: the repository has this version, or another model of this name.
        """
        name = config.name
        if not _NAME.fullmatch(name):
            raise ExportError(f"{name!r} is no model name: letters, digits and _, a letter first")
        self._check_free(config)
        folder = self._folder / name
        version = folder / str(self._version)
        version.mkdir(parents=True)
        (folder / "config.pbtxt").write_text(text(config))
        if labels:
            (folder / "labels.txt").write_text("\n".join(labels) + "\n")
        self._models.append(name)
        return version

    def publish(self) -> None:
        """Move everything in, parts before what is made of them; on failure take it out again."""
        moved = []
        try:
            for name in self._models:
                source, target = self._folder / name, self._repository / name
                if target.exists():
                    (source / "config.pbtxt").replace(target / "config.pbtxt")
                    source, target = source / str(self._version), target / str(self._version)
                source.rename(target)
                moved.append(target)
        except OSError:
            for target in moved:
                shutil.rmtree(target)
            raise

    def _check_free(self, config: pb.ModelConfig) -> None:
        there = self._repository / config.name
        if not there.exists():
            return
        if (there / str(self._version)).exists():
            raise ExportError(
                f"version {self._version} of {config.name} is there already: give --version "
                f"{_next_version(there)}, or another --name"
            )
        known = text_format.Parse((there / "config.pbtxt").read_text(), pb.ModelConfig())
        if _but_for_the_version(known) != _but_for_the_version(config):
            raise ExportError(
                f"{config.name} is there already, with another configuration: give another --name"
            )


@contextmanager
def staging(repository: Path, version: int) -> Iterator[Staging]:
    """Write models inside; whatever fails, the repository stays as it was.

    Raises:
        ExportError: the repository is missing, or there is no room or right to write.
    """
    if not repository.is_dir():
        raise ExportError(f"there is no model repository at {repository}")
    if version < 1:
        raise ExportError("a version is a number from 1 on")
    try:
        # Beside it and not in it: Triton takes every folder of a repository for a model.
        folder = tempfile.mkdtemp(prefix=f".{repository.name}.", dir=repository.resolve().parent)
        try:
            stage = Staging(Path(folder), repository, version)
            yield stage
            stage.publish()
        finally:
            shutil.rmtree(folder)
    except OSError as error:
        raise ExportError(f"cannot write to {repository}: {error.strerror or error}") from error


def _but_for_the_version(config: pb.ModelConfig) -> pb.ModelConfig:
    other = pb.ModelConfig()
    other.CopyFrom(config)
    other.parameters.pop("model_version", None)
    return other


def _next_version(model: Path) -> int:
    return 1 + max(int(each.name) for each in model.iterdir() if each.name.isdecimal())
