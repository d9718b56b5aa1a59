"""An original tune with verses and choruses, made by arithmetic: something to try the server with.

No recording can be shipped with the project, and a machine may hold no music. The tune is the
same at every run, and knows where its choruses are (:data:`CHORUSES`).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

Samples = NDArray[np.float64]

SAMPLE_RATE = 44_100
_BEAT = 60.0 / 112.0  # seconds
_BAR = 4 * _BEAT

# A chord a bar, as semitones above A; the melody a note an eighth, as steps of the scale (. rests)
_VERSE_CHORDS = [(0, 3, 7), (-4, 0, 3), (-7, -4, 0), (-2, 2, 5)]
_CHORUS_CHORDS = [(-4, 0, 3), (-2, 2, 5), (0, 3, 7), (3, 7, 10)]
_BRIDGE_CHORDS = [(-7, -4, 0), (-7, -4, 0), (-5, -2, 2), (-5, -2, 2)]
_VERSE_TUNE = "0.0.2.1. 0....... 1.1.2.3. 2......."
_CHORUS_TUNE = "4.47.5.4 5.57.6.5 7.78.7.5 4.4.5.6."
_BRIDGE_TUNE = "........ 3...2... ........ 1...0..."
_SCALE = [0, 2, 3, 5, 7, 8, 10, 12, 14, 15]

# Section, bars, loudness of the band, whether drums and lead play
_FORM = [
    ("intro", 4, 0.45, False, False),
    ("verse", 8, 0.55, True, True),
    ("chorus", 8, 1.0, True, True),
    ("verse", 8, 0.6, True, True),
    ("chorus", 8, 1.0, True, True),
    ("bridge", 4, 0.4, False, True),
    ("chorus", 8, 1.0, True, True),
    ("outro", 4, 0.4, False, False),
]


def _choruses() -> list[tuple[float, float]]:
    spans, start = [], 0.0
    for name, bars, *_ in _FORM:
        if name == "chorus":
            spans.append((start, start + bars * _BAR))
        start += bars * _BAR
    return spans


CHORUSES = _choruses()
"""Start and end of each chorus, seconds."""


def song() -> NDArray[np.float32]:
    """The whole tune: ``(n, 2)`` stereo at :data:`SAMPLE_RATE`, within ±0.9."""
    noise = np.random.default_rng(7)
    parts = [_section(*section, noise) for section in _FORM]
    mono = np.concatenate(parts)
    delay = round(0.011 * SAMPLE_RATE)  # a little width: the right ear hears the room later
    right = 0.8 * mono + 0.2 * np.concatenate([np.zeros(delay), mono[:-delay]])
    stereo = np.stack([mono, right], axis=1)
    return np.asarray(0.9 * stereo / np.abs(stereo).max(), dtype=np.float32)


def _section(
    name: str, bars: int, loudness: float, drums: bool, lead: bool, noise: np.random.Generator
) -> Samples:
    chords, tune = {
        "chorus": (_CHORUS_CHORDS, _CHORUS_TUNE),
        "bridge": (_BRIDGE_CHORDS, _BRIDGE_TUNE),
    }.get(name, (_VERSE_CHORDS, _VERSE_TUNE))
    mix = np.zeros(round(bars * _BAR * SAMPLE_RATE))
    for bar in range(bars):
        chord = chords[bar % len(chords)]
        for note in chord:
            _add(mix, bar * _BAR, _tone(note, _BAR, partials=6, decay=1.2), 0.10 * loudness)
        for beat in range(4):
            at = bar * _BAR + beat * _BEAT
            _add(mix, at, _tone(chord[0] - 24, _BEAT, partials=3, decay=3.0), 0.30 * loudness)
            if drums:
                _drum(mix, at, beat, noise, loudness)
        if lead:
            bar_of_tune = tune.split()[bar % 4]
            _lead(mix, bar * _BAR, bar_of_tune, 0.22 * loudness, bright=name == "chorus")
    return mix


def _lead(mix: Samples, start: float, steps: str, level: float, *, bright: bool) -> None:
    for eighth, step in enumerate(steps):
        if step == ".":
            continue
        tone = _tone(_SCALE[int(step)] + 12, _BEAT * 0.9, partials=9 if bright else 4, decay=2.0)
        _add(mix, start + eighth * _BEAT / 2, tone, level)


def _drum(mix: Samples, at: float, beat: int, noise: np.random.Generator, loudness: float) -> None:
    """Bass drum on 1 and 3, snare on 2 and 4, a cymbal on every eighth."""
    time = np.arange(round(0.18 * SAMPLE_RATE)) / SAMPLE_RATE
    if beat % 2 == 0:
        hit = np.sin(2 * np.pi * (45 * time - 4 * np.exp(-30 * time))) * np.exp(-18 * time)
        _add(mix, at, hit, 0.55 * loudness)
    else:
        _add(mix, at, noise.standard_normal(len(time)) * np.exp(-28 * time), 0.16 * loudness)
    for offset in (0.0, _BEAT / 2):
        hiss = np.diff(noise.standard_normal(len(time) + 1)) * np.exp(-70 * time)
        _add(mix, at + offset, hiss, 0.05 * loudness)


def _tone(semitones: float, seconds: float, *, partials: int, decay: float) -> Samples:
    """A plucked tone, so many semitones above 220 Hz: falling partials, a soft beginning."""
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    frequency = 220.0 * 2.0 ** (semitones / 12)
    waves = [np.sin(2 * np.pi * frequency * k * time) / k for k in range(1, partials + 1)]
    ends = np.minimum(1.0, np.minimum(time, seconds - time) * 200)
    return np.asarray(np.sum(waves, axis=0) * np.exp(-decay * time) * ends)


def _add(mix: Samples, at: float, sound: Samples, level: float) -> None:
    first = round(at * SAMPLE_RATE)
    room = len(mix) - first
    mix[first : first + len(sound)] += level * sound[:room]


def main() -> None:
    """Write the tune where the command line says; the file's ending names the format."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path, help="such as out/song.mp3 (or .wav, .flac, .ogg)")
    file: Path = parser.parse_args().file
    file.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(file, song(), SAMPLE_RATE)
    print(f"{file}: {file.stat().st_size / 2**20:.1f} MiB")


if __name__ == "__main__":
    main()
