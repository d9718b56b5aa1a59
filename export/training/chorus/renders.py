"""Make and keep the spectra of rendered songs; the sound itself is thrown away at once.

Spectra are kept as decibels in half precision, about 1 MB a song, so that features can be changed
without rendering again.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from audio.mel import mel
from audio.pitch import pitch_spectrum
from export.front_ends import CHORUS
from export.training.chorus import midi, pop909
from export.training.chorus.arrangement import arrange
from export.training.chorus.render import SOUND_FONTS, RenderError, check_prerequisites, render

Float32 = NDArray[np.float32]

FRAME_SAMPLES = 6 * CHORUS.hop_length  # samples in a frame of the chorus curves


@dataclass(frozen=True, slots=True)
class Labels:
    """What is known of one render; spans in seconds, ``(n, 2)``."""

    sections: NDArray[np.float64]
    chorus: NDArray[np.float64]
    ignore: NDArray[np.float64]


def labels(path: Path) -> Labels:
    """Read what is known of a kept render."""
    with np.load(path) as stored:
        return Labels(stored["sections"], stored["chorus"], stored["ignore"])


def spectra(path: Path) -> tuple[Float32, Float32]:
    """Read a kept render's power: mel ``(columns of 32 ms, 64)`` and semitones ``(T, 60)``."""
    with np.load(path) as stored:
        return _power(stored["mel"]), _power(stored["pitch"])


def keep(path: Path, samples: Float32, found: Labels) -> None:
    """Keep a song's spectra and labels; ``samples`` are mono at the front end's rate."""
    aside = path.with_suffix(f".{os.getpid()}.tmp")
    with aside.open("wb") as file:
        np.savez(
            file,
            mel=_decibels(mel(samples, CHORUS)),
            pitch=_decibels(pitch_spectrum(samples, CHORUS.sample_rate, FRAME_SAMPLES)),
            sections=found.sections,
            chorus=found.chorus,
            ignore=found.ignore,
        )
    aside.replace(path)


def make(data: Path, folder: Path, *, versions: int, seed: int, workers: int) -> Iterator[str]:
    """Render every training song ``versions`` times; what is there already is left alone.

    Args:
        data: the folder that holds ``pop909/``.
        folder: where the spectra go.
        versions: styles a song is rendered in.
        seed: with the song's name and the version, decides the style.
        workers: processes.

    Yields:
        A line of progress a song.

    Raises:
        RenderError: fluidsynth or a sound font is not installed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    jobs = [
        (song, folder / f"{song.name}_{version}.npz", f"{seed}/{song.name}/{version}")
        for song in pop909.songs(data / "pop909")
        for version in range(versions)
    ]
    jobs = sorted((j for j in jobs if not j[1].exists()), key=lambda job: job[1].stem[::-1])
    if jobs:
        check_prerequisites()
    begun = time.monotonic()
    with ProcessPoolExecutor(workers) as pool:
        for done, fault in enumerate(pool.map(_make_one, jobs), start=1):
            left = (time.monotonic() - begun) / done * (len(jobs) - done)
            yield f"rendered {done}/{len(jobs)}, {left / 60:.0f} min left {fault}"


def _make_one(job: tuple[pop909.Song, Path, str]) -> str:
    """Render one song; returns what went wrong, or nothing."""
    song, path, seed = job
    rng = random.Random(seed)  # noqa: S311 – styles, not secrets
    arrangement = arrange(song, rng)
    try:
        samples = render(
            midi.write(arrangement.parts),
            sound_font=rng.choice(SOUND_FONTS),
            gain=0.35,
            reverb=rng.random() < 0.5,
            rate=CHORUS.sample_rate,
        )
    except RenderError as error:
        return f"({path.stem} left out: {error})"
    if rng.random() < 0.5:  # a mixing bus: what is loud is squeezed
        drive = rng.uniform(1.0, 6.0) / max(float(np.std(samples)) * 4, 1e-3)
        samples = np.tanh(samples * drive)
    samples = samples[: int((arrangement.duration + 3) * CHORUS.sample_rate)]
    found = Labels(
        np.array([section[:2] for section in arrangement.sections]),
        np.array(arrangement.chorus).reshape(-1, 2),
        np.array(arrangement.ignore).reshape(-1, 2),
    )
    keep(path, samples, found)
    return ""


def _decibels(power: Float32) -> NDArray[np.float16]:
    loudest = max(float(power.max()), 1e-10)
    return np.asarray(10 * np.log10(np.maximum(power / loudest, 1e-10)), dtype=np.float16)


def _power(decibels: NDArray[np.float16]) -> Float32:
    return np.asarray(10.0 ** (decibels.astype(np.float32) / 10), dtype=np.float32)
