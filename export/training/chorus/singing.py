"""Make a rendered melody sing: vowels and consonants whose order, the words, returns in choruses.

In real songs the verses share a melody and differ in words; choruses share both, which is why they
repeat more exactly than anything else. MIDI has no words, and a network that is trained on bare
melodies learns that a chorus repeats no better than a verse. The words here are no language: each
note gets a syllable, which is a gain over frequency (formants) and a burst of noise (a consonant).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audio.chorus_features import FRAME_SEC, HOPS, Spectra
from audio.pitch import LOWEST, SEMITONES
from export.front_ends import CHORUS
from export.training.chorus.renders import Labels

Float32 = NDArray[np.float32]

_COLUMN_SEC = FRAME_SEC / HOPS
_NEAR = 0.12  # seconds: a note at this place of the section gets the syllable that is known there
_REFRAINS = 0.35  # of the songs: the line before the chorus has the same words each time, too
_LETTER_WORDS = ((0.0, 0.5, 1.0), (0.2, 0.2, 0.6))  # share of new syllables in a letter's return


@dataclass(frozen=True, slots=True)
class _Voice:
    """A song's syllables: gains in dB over mel bands and semitones, and consonants."""

    mel: Float32  # (syllables, bands)
    pitch: Float32  # (syllables, SEMITONES)
    noise: Float32  # (syllables, bands): power relative to the note's, at its onset
    columns: NDArray[np.intp]  # (syllables,): how long the noise lasts


def sung(voice: Spectra, labels: Labels, rng: np.random.Generator) -> Spectra:
    """The voice with a chance language; equal ``rng``, equal words."""
    if not len(labels.notes):
        return voice
    singer = _singer(int(rng.integers(10, 40)), rng)
    syllables = _words(labels, len(singer.columns), rng)
    onsets = labels.notes[:, 0]
    mel = voice.mel * 10 ** (singer.mel[_at(onsets, syllables, len(voice.mel), _COLUMN_SEC)] / 10)
    gain = singer.pitch[_at(onsets, syllables, len(voice.pitch), FRAME_SEC)]
    level = voice.mel.sum(axis=1)
    for onset, syllable in zip(np.round(onsets / _COLUMN_SEC).astype(int), syllables, strict=True):
        near = level[onset : onset + 4]
        if len(near):
            last = onset + singer.columns[syllable]
            mel[onset:last] += near.max() * singer.noise[syllable]
    return Spectra(mel.astype(np.float32), (voice.pitch * 10 ** (gain / 10)).astype(np.float32))


def _at(
    onsets: NDArray[np.float64], syllables: NDArray[np.intp], count: int, step: float
) -> NDArray[np.intp]:
    """The syllable that sounds at each of ``count`` steps: that of the last note begun."""
    middles = (np.arange(count) + 0.5) * step
    return syllables[np.maximum(np.searchsorted(onsets, middles, side="right") - 1, 0)]


def _singer(count: int, rng: np.random.Generator) -> _Voice:
    bands, semitones = _octaves()
    brightness, strength = rng.uniform(0, 5), rng.uniform(0.5, 1.2)
    centres = np.log2(
        np.stack([rng.uniform(*span, count) for span in ((280, 850), (800, 2500), (2200, 3500))])
    )
    gains = strength * np.stack([rng.uniform(*span, count) for span in ((8, 18), (8, 20), (4, 16))])

    def formants(octave: NDArray[np.float64]) -> Float32:
        bumps = np.exp(-0.5 * ((octave - centres[:, :, None]) / 0.22) ** 2)
        tilt = brightness * np.maximum(octave - np.log2(500.0), 0)
        return np.asarray((gains[:, :, None] * bumps).sum(axis=0) + tilt - 12, dtype=np.float32)

    lowest = rng.choice([0, 20, 40], count)  # band from which a consonant hisses: t, k, s
    loud = 10 ** rng.uniform(-2.5, -0.3, count) * (rng.random(count) < 0.7)
    noise = loud[:, None] * (np.arange(len(bands)) >= lowest[:, None]) / len(bands)
    columns = rng.integers(1, 5, count)
    return _Voice(formants(bands), formants(semitones), noise.astype(np.float32), columns)


def _octaves() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The middles of mel bands (Slaney's scale) and of semitones as log2 of Hz."""

    def to_mel(hertz: float) -> float:
        return hertz * 3 / 200 if hertz < 1000 else 15 + 27 * np.log(hertz / 1000) / np.log(6.4)

    low, high = to_mel(CHORUS.fmin), to_mel(CHORUS.fmax)
    scale = np.linspace(low, high, CHORUS.n_mels + 2)[1:-1]
    hertz = np.where(scale < 15, scale * 200 / 3, 1000 * 6.4 ** ((scale - 15) / 27))
    return np.log2(hertz), np.log2(440.0) + (LOWEST + np.arange(SEMITONES) - 69) / 12


def _words(labels: Labels, count: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """A syllable for every note; in choruses nearly the same ones each time."""
    onsets = labels.notes[:, 0]
    syllables = rng.integers(0, count, len(onsets))
    text = _Text(onsets, syllables, rng)
    by_halves = rng.random() < 0.5  # of a chorus that is played twice, each time has its own words
    refrain = rng.uniform(3, 10) if rng.random() < _REFRAINS else 0.0
    change = {
        str(letter): rng.choice(_LETTER_WORDS[0], p=_LETTER_WORDS[1])
        for letter in np.unique(labels.letters)
    }
    run, before = 0, ""
    middles = labels.sections.mean(axis=1)[:, None]
    chorus = ((labels.chorus[:, 0] <= middles) & (middles < labels.chorus[:, 1])).any(axis=1)
    for index, (start, end) in enumerate(labels.sections):
        letter = str(labels.letters[index])
        run = run + 1 if letter == before else 0
        before = letter
        if chorus[index]:
            new = rng.choice([0.0, 0.05, 0.3], p=[0.6, 0.3, 0.1])
            text.write(f"{letter} chorus {run if by_halves else ''}", (start, end), start, new)
        else:
            text.write(letter, (start, end), start, change[letter])
            if refrain and index + 1 < len(chorus) and chorus[index + 1]:
                text.write(f"{letter} refrain", (max(start, end - refrain), end), end, 0.0)
    return syllables


class _Text:
    """Syllables in the making, and what was sung where before."""

    def __init__(
        self,
        onsets: NDArray[np.float64],
        syllables: NDArray[np.intp],
        rng: np.random.Generator,
    ) -> None:
        self.onsets, self.syllables, self.rng = onsets, syllables, rng
        self.known: dict[str, tuple[NDArray[np.float64], NDArray[np.intp]]] = {}

    def write(self, key: str, span: tuple[float, float], origin: float, new: float) -> None:
        """Repeat in ``span`` what was sung under ``key``, but for a share of ``new`` syllables.

        Places are told from ``origin``. The first time, what is there becomes what is known.
        """
        use = np.flatnonzero((self.onsets >= span[0]) & (self.onsets < span[1]))
        if not len(use):
            return
        places, fresh = self.onsets[use] - origin, self.syllables[use]
        if key not in self.known:
            self.known[key] = places, fresh
            return
        known_places, known = self.known[key]
        distance = np.abs(places[:, None] - known_places)
        keep = (distance.min(axis=1) < _NEAR) & (self.rng.random(len(use)) >= new)
        self.syllables[use] = np.where(keep, known[distance.argmin(axis=1)], fresh)
