"""Damaged audio through ``audio.decode``, by the thousand: ``python -m tests.audio.fuzz``.

The decoders are C libraries that read what strangers send. Each case is a real file with some
damage, decoded in a child process under a bound on memory and time. Whatever is not a lawful
result or one of ``audio.errors`` is a finding: it is told with what repeats it, its bytes are
kept, and the exit status is 1. What was found and mended lies in ``findings``.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audio.decode import decode
from audio.errors import AudioError
from tests.audio import ogg
from tests.audio.corpus import corpus
from tests.audio.hostile_files import in_mp4, in_wav, sound

_MEMORY = 2**30  # address space: the interpreter with its libraries takes a third of it
_SECONDS = 10.0
_SEED_BYTES = 64 * 1024
_NOISE = 2**20  # mpg123 complains of each frame to stderr, and cannot be told to be quiet
_INTERESTING = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)

Random = random.Random


@dataclass(frozen=True)
class Finding:
    """A case that did what none may do."""

    case: int
    file: str
    what: str


def seeds() -> list[tuple[str, bytes]]:
    """Files of every format and codec, and the small ones of the corpus, by name."""
    formats = ("wav", "wav float", "flac", "ogg", "opus", "mp3", "aac", "m4a", "mp4")
    codecs = ("alac", "flac", "libopus", "aac")
    compressed = ("IMA_ADPCM", "MS_ADPCM", "GSM610", "G721_32", "NMS_ADPCM_24", "ALAW")
    files = [(form, sound(form, 0.4)) for form in formats] * 2
    files += [(f"{codec} in mp4", in_mp4(codec, c)) for codec in codecs for c in (1, 6)]
    files += [(f"{subtype} in wav", in_wav(subtype)) for subtype in compressed]
    files *= 8  # damage to well-formed files leads deeper
    bombs = ("eight hours", "FLAC bomb", "20 MB", "wav: hours")
    for hostile in corpus():
        if not any(word in hostile.name for word in bombs):
            data = hostile.build()
            if len(data) <= _SEED_BYTES:
                files.append((hostile.name, data))
    return files


def case_bytes(files: list[tuple[str, bytes]], seed: int, case: int) -> tuple[str, bytes]:
    """The damaged file of one case and the name of what it was made from."""
    chance = random.Random(f"{seed}/{case}")
    name, data = chance.choice(files)
    damaged = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 4, 8, 32))):
        if damaged:
            chance.choice(_DAMAGES)(damaged, chance)
    if chance.random() < 0.1:
        damaged += chance.choice(files)[1]
    if data.startswith(b"OggS") and chance.random() < 0.7:
        return name, ogg.with_checksums(bytes(damaged))
    return name, bytes(damaged)


def _place(data: bytearray, chance: Random) -> int:
    """Half of the damage goes to the first bytes, where the headers are."""
    return chance.randrange(min(len(data), 256) if chance.random() < 0.5 else len(data))


def _flip(data: bytearray, chance: Random) -> None:
    data[_place(data, chance)] ^= 1 << chance.randrange(8)


def _byte(data: bytearray, chance: Random) -> None:
    data[_place(data, chance)] = chance.randrange(256)


def _number(data: bytearray, chance: Random) -> None:
    at, width = _place(data, chance), chance.choice((1, 2, 4))
    value = chance.choice(_INTERESTING) & (1 << 8 * width) - 1
    data[at : at + width] = value.to_bytes(width, chance.choice(("little", "big")))


def _cut(data: bytearray, chance: Random) -> None:
    del data[_place(data, chance) :]


def _drop(data: bytearray, chance: Random) -> None:
    at = _place(data, chance)
    del data[at : at + chance.randrange(1, 512)]


def _double(data: bytearray, chance: Random) -> None:
    at = _place(data, chance)
    data[at:at] = data[at : at + chance.randrange(1, 512)] * chance.choice((1, 1, 16))


def _noise(data: bytearray, chance: Random) -> None:
    at = _place(data, chance)
    data[at : at + 64] = chance.randbytes(chance.randrange(1, 128))


_DAMAGES: tuple[Callable[[bytearray, Random], None], ...] = (
    *(_flip, _byte, _number, _number, _cut, _drop, _double, _noise),
)


def decoded(data: bytes) -> NDArray[np.float32]:
    """What is tried: decoding as the models ask for it."""
    return decode(data, 22_050)


def child(pipe: Connection, memory: int, log: str, tried: Callable[[bytes], Any]) -> None:
    """Decode what comes through the pipe, and say what came of it."""
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, 2)  # what the libraries print, to be measured
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    while True:
        data = pipe.recv_bytes()
        try:
            samples = tried(data)
        except AudioError as error:
            pipe.send(type(error).__name__)
        except BaseException as error:  # whatever it is, it is the finding
            pipe.send(f"! raised {error!r}"[:300])
        else:
            lawful = samples.dtype == np.float32 and 0 < len(samples) <= 601 * 22_050
            lawful = lawful and bool(np.isfinite(samples).all())
            pipe.send("lawful" if lawful else f"! {len(samples)} samples, not all lawful")
        if os.fstat(2).st_size > 2**26:
            os.ftruncate(2, 0)


class Child:
    """A process that decodes, started anew after each death."""

    def __init__(
        self,
        tried: Callable[[bytes], Any] = decoded,
        memory: int = _MEMORY,
        seconds: float = _SECONDS,
    ) -> None:
        self._tried, self._memory, self._seconds = tried, memory, seconds
        self._log = Path(tempfile.mkdtemp(prefix="fuzz")) / "stderr"
        self._start()

    def decode(self, data: bytes) -> str:
        """What came of it; a finding begins with ``!``."""
        before = self._log.stat().st_size if self._log.exists() else 0
        try:
            self._pipe.send_bytes(data)
            if not self._pipe.poll(self._seconds):
                self.stop()
                self._start()
                return f"! no answer within {self._seconds:g} s"
            outcome: str = self._pipe.recv()
        except (EOFError, BrokenPipeError, ConnectionResetError):
            self._process.join()
            code = self._process.exitcode
            self._start()
            return f"! the process died with exit code {code}"
        printed = self._log.stat().st_size - before
        if not outcome.startswith("!") and printed > _NOISE:
            return f"! printed {printed} bytes to stderr"
        return outcome

    def stop(self) -> None:
        self._process.kill()
        self._process.join()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=child, args=(theirs, self._memory, str(self._log), self._tried), daemon=True
        )
        self._process.start()
        theirs.close()


def run(
    seed: int, cases: range, files: list[tuple[str, bytes]], decoder: Child
) -> Iterator[tuple[str, Finding | None]]:
    """The outcome of each case, and what it found."""
    for case in cases:
        name, data = case_bytes(files, seed, case)
        outcome = decoder.decode(data)
        finding = Finding(case, name, outcome) if outcome.startswith("!") else None
        yield outcome, finding


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="tests.audio.fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--case", type=int, help="only this one, to repeat a finding")
    parser.add_argument("--keep", type=Path, default=Path("out/fuzz"), help="where findings go")
    options = parser.parse_args(arguments)
    for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[threads] = "1"  # each thread's stack and arena count as address space

    cases = range(options.cases) if options.case is None else range(options.case, options.case + 1)
    files, decoder = seeds(), Child()
    outcomes, findings, begun = Counter[str](), 0, time.monotonic()
    for done, (outcome, finding) in enumerate(run(options.seed, cases, files, decoder), 1):
        outcomes["finding" if finding else outcome] += 1
        if finding:
            findings += 1
            options.keep.mkdir(parents=True, exist_ok=True)
            kept = options.keep / f"{options.seed}-{finding.case}.bin"
            kept.write_bytes(case_bytes(files, options.seed, finding.case)[1])
            print(
                f"\nFINDING in {finding.file!r}: {finding.what[2:]}\n  repeat it: "
                f"--seed {options.seed} --case {finding.case}; kept: {kept}"
            )
        if done % 100 == 0 or done == len(cases):
            seconds = time.monotonic() - begun
            print(f"{done}/{len(cases)} cases, {seconds:.0f} s, {dict(outcomes)}", flush=True)
    decoder.stop()
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
