"""A folder as people have them: many songs of all kinds, some of them broken."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np

from tests.conftest import PROJECT
from tests.sounds import FORMATS, encode, tones

COMMAND = [sys.executable, "-m", "acousticsense"]


def mixed_songs(folder: Path, good: int, broken: int) -> None:
    """Clips of a second or so, no two alike, in every format and in two folders; and others."""
    generator = np.random.default_rng(8)
    for index in range(good):
        form = FORMATS[index % len(FORMATS)]
        rate = 48_000 if form == "opus" else 16_000
        samples = tones(0.8 + 0.02 * index / good, rate, 1 + index % 2)
        samples = samples + generator.normal(0, 0.02, samples.shape).astype(np.float32)
        where = folder / ("more" if index % 3 == 0 else "")
        where.mkdir(exist_ok=True, parents=True)
        name = f"歌 {index:03}.{form.split()[0]}"
        (where / name).write_bytes(encode(samples, form, rate))
    whole = encode(tones(1.0, 16_000), "flac", 16_000)
    for index in range(broken):
        kinds = [b"words, no music %d" % index, whole[: 40 + index], bytes(100 + index)]
        content = kinds[index % 3] if index else b""
        (folder / f"broken {index}.mp3").write_bytes(content)
    (folder / "cover.jpg").write_bytes(b"no song")
    (folder / ".hidden.mp3").write_bytes(b"no song")


def acousticsense(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command, as somebody runs it in a folder without the project."""
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        env=child_environment(**environment),
        capture_output=True,
        text=True,
        timeout=240,
    )


def begun(*arguments: object, **environment: str) -> subprocess.Popen[str]:
    """The command, under way; it hears Ctrl-C even where these tests run in the background."""
    return subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        env=child_environment(PYTHONUNBUFFERED="1", **environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509  no lock
    )


def child_environment(**changes: str) -> dict[str, str]:
    kept = {name: each for name, each in os.environ.items() if not name.startswith("ACOUSTIC")}
    return {**kept, "COLUMNS": "200", "PYTHONPATH": str(PROJECT / "client"), **changes}
