"""Make and keep the spectra of rendered songs; the sound itself is thrown away at once.

The melody and the band are rendered and kept apart: powers add up (but for chance phases), so a
song can be mixed, sung and rearranged in many ways without rendering again. Spectra are kept as
decibels in half precision, about 2 MB a song.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, fields
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from audio.chorus_features import Spectra, spectra
from export.front_ends import CHORUS
from export.training.chorus import midi, pop909
from export.training.chorus.arrangement import arrange
from export.training.chorus.render import SOUND_FONTS, RenderError, check_prerequisites, render

Float32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Labels:
    """What is known of one render; seconds."""

    sections: NDArray[np.float64]  # (n, 2)
    letters: NDArray[np.str_]  # (n,): sections of one letter share their music
    chorus: NDArray[np.float64]  # (n, 2)
    ignore: NDArray[np.float64]  # (n, 2)
    notes: NDArray[np.float64]  # (n, 2): start and end of each note of the melody, in order


class Stems(NamedTuple):
    """A song's melody and the rest of it, on one scale of power."""

    voice: Spectra
    band: Spectra


_STEMS, _KINDS = Stems._fields, Spectra._fields


def labels(path: Path) -> Labels:
    """Read what is known of a kept render."""
    with np.load(path) as stored:
        return Labels(*(stored[field.name] for field in fields(Labels)))


def stems(path: Path) -> Stems:
    """Read a kept render's power."""
    with np.load(path) as stored:
        return Stems(
            *(Spectra(*(_power(stored[f"{stem}_{kind}"]) for kind in _KINDS)) for stem in _STEMS)
        )


def keep(path: Path, voice: Float32, band: Float32, found: Labels) -> None:
    """Keep a song's spectra and labels.

    Args:
        path: the file to write.
        voice: ``(n,)`` mono samples of the melody at the front end's rate.
        band: ``(n,)`` of everything else.
        found: the labels.
    """
    heard = Stems(spectra(voice, CHORUS), spectra(band, CHORUS))
    loudest = [max(float(heard.voice[i].max()), float(heard.band[i].max())) for i in (0, 1)]
    arrays = {
        f"{stem}_{kind}": _decibels(getattr(getattr(heard, stem), kind), reference)
        for stem in _STEMS
        for kind, reference in zip(_KINDS, loudest, strict=True)
    }
    aside = path.with_suffix(f".{os.getpid()}.tmp")
    with aside.open("wb") as file:
        np.savez(file, **arrays, **{f.name: getattr(found, f.name) for f in fields(found)})
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
    sound_font, reverb = rng.choice(SOUND_FONTS), rng.random() < 0.5
    try:
        voice, band = (
            render(
                midi.write(parts),
                sound_font=sound_font,
                gain=0.35,
                reverb=reverb,
                rate=CHORUS.sample_rate,
            )
            for parts in ([arrangement.voice], arrangement.band)
        )
    except RenderError as error:
        return f"({path.stem} left out: {error})"
    length = int((arrangement.duration + 3) * CHORUS.sample_rate)
    found = Labels(
        np.array([section[:2] for section in arrangement.sections]),
        np.array([section[2] for section in arrangement.sections]),
        np.array(arrangement.chorus).reshape(-1, 2),
        np.array(arrangement.ignore).reshape(-1, 2),
        np.array(sorted((n.start, n.end) for n in arrangement.voice.notes)).reshape(-1, 2),
    )
    keep(path, _fitted(voice, length), _fitted(band, length), found)
    return ""


def _fitted(samples: Float32, length: int) -> Float32:
    return np.pad(samples[:length], (0, max(0, length - len(samples))))


def _decibels(power: Float32, loudest: float) -> NDArray[np.float16]:
    relative = power / max(loudest, 1e-10)
    return np.asarray(10 * np.log10(np.maximum(relative, 1e-10)), dtype=np.float16)


def _power(decibels: NDArray[np.float16]) -> Float32:
    return np.asarray(10.0 ** (decibels.astype(np.float32) / 10), dtype=np.float32)
