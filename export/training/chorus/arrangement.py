"""Orchestrate a song's notes in a random style, so that no render's sound tells which part it is.

Half of the renders are blind to the chorus: what changes between sections changes per *letter*, by
chance. The other half lift the chorus a little, as bands do. More than a little, and a network
learns to hear loudness instead of music: the lift of velocities stays within ten.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from dataclasses import dataclass, field, replace
from itertools import pairwise

from export.training.chorus.midi import Note, Part
from export.training.chorus.pop909 import Song, Span

# Programs that sustain and have many harmonics: the melody is made to sing (see ``voice``).
_LEADS = (16, 18, 21, 22, 29, 30, 40, 42, 52, 52, 53, 54, 54, 56, 57, 64, 65, 66, 68, 71, 80, 81,
          81, 82, 83, 85, 85, 87, 0, 24, 26)  # fmt: skip
_SECONDS = (4, 5, 11, 24, 25, 26, 27, 29, 40, 46, 48, 61, 71, 73, 80)
_KEYS = (0, 0, 1, 2, 4, 5, 6, 16, 17, 18, 24, 25, 25, 27, 28, 29, 30)
_BASSES = (32, 33, 33, 34, 35, 36, 38, 39)
_PADS = (16, 48, 49, 50, 51, 52, 61, 62, 88, 89, 90, 94, 29, 30)
_DRUM_KITS = (0, 0, 8, 16, 24, 25, 32, 40)
_QUALITIES = {
    "maj": (0, 4, 7), "min": (0, 3, 7), "dim": (0, 3, 6), "aug": (0, 4, 8), "sus2": (0, 2, 7),
    "sus4": (0, 5, 7), "hdim": (0, 3, 6), "7": (0, 4, 7, 10), "9": (0, 4, 7, 10),
}  # fmt: skip
_NATURALS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
# Drum hits of a four-beat bar: (beat, General MIDI note, velocity)
_EIGHTHS = [(i / 2, 42, 70 if i % 2 else 85) for i in range(8)]
_SIXTEENTHS = [(i / 4, 42, 85 if i % 4 == 0 else 60) for i in range(16)]
_BACKBEAT = [(1.0, 38, 100), (3.0, 38, 100)]
_PATTERNS = (
    [*_EIGHTHS, *_BACKBEAT, (0.0, 36, 105), (2.0, 36, 100)],
    [*_EIGHTHS, *_BACKBEAT, (0.0, 36, 105), (1.5, 36, 90), (2.5, 36, 100)],
    [*_SIXTEENTHS, *_BACKBEAT, (0.0, 36, 105), (0.75, 36, 85), (2.5, 36, 100)],
    [*_BACKBEAT, *((float(b), 36, 105) for b in range(4)), *((b + 0.5, 46, 80) for b in range(4))],
    [*((float(b), 51, 85) for b in range(4)), (1.0, 37, 90), (3.0, 37, 90), (0.0, 36, 95)],
    [*((float(b), 70, 70) for b in range(4)), (2.0, 36, 80)],
)


@dataclass(frozen=True, slots=True)
class Arrangement:
    """A song ready to be rendered, and its labels on the new time scale."""

    voice: Part  # the melody
    band: list[Part]  # everything else
    duration: float
    sections: list[tuple[float, float, str]]
    chorus: list[Span]
    ignore: list[Span]


@dataclass(slots=True)
class _Level:
    """What one section letter gets: gain of velocities and which layers play."""

    gain: int = 0
    drums: int = 0  # index into the style's two patterns, -1 for none
    pad: bool = True
    bass: bool = True
    second: bool = True


@dataclass(slots=True)
class _Style:
    tempo: float
    key: int
    band: bool
    programs: dict[str, int]
    patterns: tuple[int, int]
    fill_chance: float
    crash_chance: float
    kit: int
    levels: dict[str, _Level] = field(default_factory=dict)


def arrange(song: Song, rng: random.Random) -> Arrangement:
    """Choose a style and write the parts.

    Args:
        song: notes, beats, chords and labels.
        rng: the only source of chance; equal states give equal arrangements.
    """
    informed = rng.random() < 0.5
    style = _style(song, rng, informed)
    sections = _labelled(song)
    voice, *parts = (
        _pitched(song, track, channel, style, sections, rng)
        for channel, track in enumerate(("MELODY", "BRIDGE", "PIANO"))
    )
    if style.band:
        parts += [_bass(song, style, sections, rng), _pad(song, style, sections, rng)]
        parts.append(_drums(song, style, sections, rng))
    scale = 1 / style.tempo
    return Arrangement(
        _scaled(voice, scale),
        [_scaled(part, scale) for part in parts],
        song.duration * scale,
        [(a * scale, b * scale, letter) for a, b, letter in song.sections],
        [(a * scale, b * scale) for a, b in song.chorus],
        [(a * scale, b * scale) for a, b in song.ignore],
    )


def _style(song: Song, rng: random.Random, informed: bool) -> _Style:
    programs = {"MELODY": _LEADS, "BRIDGE": _SECONDS, "PIANO": _KEYS, "bass": _BASSES, "pad": _PADS}
    style = _Style(
        tempo=rng.uniform(0.88, 1.15),
        key=rng.randint(-5, 6),
        band=rng.random() < 0.75,
        programs={part: rng.choice(choices) for part, choices in programs.items()},
        patterns=(rng.randrange(len(_PATTERNS)), rng.randrange(len(_PATTERNS))),
        fill_chance=rng.choice([0.0, 0.4, 0.8]),
        crash_chance=rng.choice([0.0, 0.4, 0.9]),
        kit=rng.choice(_DRUM_KITS),
    )
    varied = rng.random() < 0.6
    for letter in sorted({s[2] for s in song.sections}):
        level = _Level()
        if varied:
            level.gain = rng.randint(-5, 5)
            level.drums = rng.choice([0, 0, 1, -1 if letter in "iox" else 1])
            level.pad, level.bass = rng.random() < 0.7, rng.random() < 0.9
            level.second = rng.random() < 0.85
        style.levels[letter] = level
    style.levels["chorus"] = replace(style.levels.get("A", _Level()))
    if informed:
        lifted = style.levels["chorus"]
        lifted.gain = max(level.gain for level in style.levels.values()) + rng.randint(0, 5)
        lifted.gain = min(lifted.gain, 10)
        lifted.drums, lifted.bass, lifted.second = 0, True, True
        lifted.pad = lifted.pad or rng.random() < 0.6
    else:
        style.levels.pop("chorus")  # its letter's own level rules
    return style


def _labelled(song: Song) -> list[tuple[float, float, str]]:
    """Sections with the letter ``chorus`` where most of a section is one."""
    result = []
    for start, end, letter in song.sections:
        inside = sum(max(0.0, min(end, b) - max(start, a)) for a, b in song.chorus)
        result.append((start, end, "chorus" if inside > 0.5 * (end - start) else letter))
    return result


def _level(style: _Style, song: Song, sections: list[tuple[float, float, str]], t: float) -> _Level:
    index = bisect_right([s[0] for s in sections], t + 0.05) - 1
    if index < 0:
        return _Level()
    return style.levels.get(sections[index][2], style.levels[song.sections[index][2]])


def _pitched(
    song: Song,
    track: str,
    channel: int,
    style: _Style,
    sections: list[tuple[float, float, str]],
    rng: random.Random,
) -> Part:
    octave = rng.choice([-12, 0, 0, 0, 12]) if track == "MELODY" else 0
    human = rng.uniform(0, 8)
    notes = []
    for note in song.tracks.get(track, []):
        level = _level(style, song, sections, note.start)
        if track == "BRIDGE" and not level.second:
            continue
        velocity = note.velocity + level.gain + round(rng.gauss(0, human))
        notes.append(
            replace(note, pitch=_lawful(note.pitch + style.key + octave), velocity=velocity)
        )
    if track == "MELODY":
        return Part(channel, style.programs[track], notes, 110, vibrato=rng.choice([0, 30, 60, 90]))
    return Part(channel, style.programs[track], notes, rng.randint(50, 110))


def _bass(
    song: Song, style: _Style, sections: list[tuple[float, float, str]], rng: random.Random
) -> Part:
    division = rng.choice([1, 1, 2])
    notes = []
    for start, end, name in song.chords:
        tones = _tones(name)
        if not tones:
            continue
        root = _lawful(36 + (tones[0] + style.key + 8) % 12 - 8 + 4)
        for a, b in pairwise([*_beats(song, start, end, division), end]):
            level = _level(style, song, sections, a)
            if level.bass:
                notes.append(Note(a, b - 0.02, root, 85 + level.gain + rng.randint(-5, 5)))
    return Part(3, style.programs["bass"], notes, rng.randint(70, 115))


def _pad(
    song: Song, style: _Style, sections: list[tuple[float, float, str]], rng: random.Random
) -> Part:
    notes = []
    for start, end, name in song.chords:
        level = _level(style, song, sections, start)
        if level.pad:
            for tone in _tones(name):
                pitch = _lawful(55 + (tone + style.key - 7) % 12)
                notes.append(Note(start, end, pitch, 70 + level.gain))
    return Part(4, style.programs["pad"], notes, rng.randint(35, 90))


def _drums(
    song: Song, style: _Style, sections: list[tuple[float, float, str]], rng: random.Random
) -> Part:
    notes = []
    starts = [s[0] for s in sections]
    times = [time for time, _ in song.beats]
    bars = [i for i, (_, first) in enumerate(song.beats) if first]
    for bar, following in pairwise([*bars, len(times) - 1]):
        level = _level(style, song, sections, times[bar])
        boundary = any(abs(times[bar] - s) < 0.3 for s in starts)
        ending = any(abs(times[following] - s) < 0.3 for s in starts)
        if boundary and rng.random() < style.crash_chance:
            notes.append(Note(times[bar], times[bar] + 0.5, 49, 100))
        fill = ending and rng.random() < style.fill_chance
        hits = _PATTERNS[style.patterns[max(level.drums, 0)]] if level.drums >= 0 else []
        if fill:
            hits = [h for h in hits if h[0] < 2] + [
                (2 + i / 4, 50 - i // 2, 90 + i) for i in range(8)
            ]
        for beat, pitch, velocity in hits:
            index = bar + int(beat)
            if index < following:
                length = times[index + 1] - times[index]
                start = times[index] + (beat % 1) * length
                loud = velocity + level.gain + rng.randint(-6, 6)
                notes.append(Note(start, start + 0.1, pitch, loud))
    return Part(9, style.kit, notes, rng.randint(70, 120))


def _beats(song: Song, start: float, end: float, division: int) -> list[float]:
    """Times in a chord's span at which the bass plays."""
    beats = [t for t, _ in song.beats if start - 0.05 <= t < end - 0.1] or [start]
    if division == 1:
        return beats
    halves = [(a + b) / 2 for a, b in pairwise([*beats, end])]
    return sorted(beats + halves)


def _tones(name: str) -> list[int]:
    """Pitch classes of a chord name such as ``F#:min7/b3``, root first; none for ``N``."""
    root, _, rest = name.partition(":")
    root = root.partition("/")[0]
    if not root or root[0] not in _NATURALS:
        return []
    pitch = _NATURALS[root[0]] + root.count("#") - root.count("b")
    quality = rest.partition("/")[0].partition("(")[0]
    for prefix in sorted(_QUALITIES, key=len, reverse=True):
        if quality.startswith(prefix):
            return [(pitch + step) % 12 for step in _QUALITIES[prefix]]
    return [(pitch + step) % 12 for step in _QUALITIES["maj"]]


def _lawful(pitch: int) -> int:
    while pitch < 21:
        pitch += 12
    while pitch > 108:
        pitch -= 12
    return pitch


def _scaled(part: Part, scale: float) -> Part:
    notes = [replace(note, start=note.start * scale, end=note.end * scale) for note in part.notes]
    return replace(part, notes=notes)
