"""Read and write the few things of a Standard MIDI File that the recipe needs: notes in seconds.

A reader of 60 lines instead of a dependency; the format is the MIDI Association's RP-001 (1996).
Written files run at 960 ticks a second, so that times are plain multiples.
"""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

_TICKS_PER_SECOND = 960  # 480 ticks a quarter note at 120 quarter notes a minute
_DEFAULT_TEMPO = 500_000  # microseconds a quarter note until a file says otherwise


@dataclass(frozen=True, slots=True)
class Note:
    """One note: seconds from the song's start, MIDI pitch and velocity (1–127)."""

    start: float
    end: float
    pitch: int
    velocity: int


@dataclass(frozen=True, slots=True)
class Part:
    """The notes of one MIDI channel (9 is percussion), its General MIDI program and controls."""

    channel: int
    program: int
    notes: list[Note]
    volume: int = 100
    vibrato: int = 0


def read(content: bytes) -> dict[str, list[Note]]:
    """Notes by track name.

    Raises:
        ValueError: the content is not a MIDI file with metrical time.
    """
    if content[:4] != b"MThd":
        raise ValueError("not a Standard MIDI File")
    _, _, division = struct.unpack(">HHH", content[8:14])
    if division & 0x8000:
        raise ValueError("SMPTE time is not supported")
    tracks = [list(_events(chunk)) for chunk in _chunks(content)]
    tempi = sorted((tick, value) for track in tracks for tick, kind, value in track if kind == 0x51)
    clock = _Clock(tempi, division)
    return {_name(track): _notes(track, clock) for track in tracks}


def write(parts: Iterable[Part]) -> bytes:
    """A format 1 file of the parts, at a constant tempo."""
    chunks = [_track([(0, b"\xff\x51\x03" + _DEFAULT_TEMPO.to_bytes(3, "big"))])]
    for part in parts:
        start = [
            (0, bytes([0xC0 | part.channel, part.program])),
            (0, bytes([0xB0 | part.channel, 7, part.volume])),
            (0, bytes([0xB0 | part.channel, 1, part.vibrato])),
        ]
        events = []
        for note in part.notes:
            on, off = (max(0, round(t * _TICKS_PER_SECOND)) for t in (note.start, note.end))
            velocity = min(127, max(1, note.velocity))
            events.append((on, bytes([0x90 | part.channel, note.pitch, velocity])))
            # An end before the start would leave the note sounding for ever: one tick at least.
            events.append((max(off, on + 1), bytes([0x80 | part.channel, note.pitch, 0])))
        events.sort(key=lambda event: (event[0], event[1][0] & 0xF0))  # offs before ons
        chunks.append(_track(start + events))
    return (
        b"MThd" + struct.pack(">IHHH", 6, 1, len(chunks), _TICKS_PER_SECOND // 2) + b"".join(chunks)
    )


class _Clock:
    """Ticks to seconds through a list of tempo changes."""

    def __init__(self, tempi: list[tuple[int, int]], division: int) -> None:
        self._marks: list[tuple[int, float, float]] = []
        seconds = 0.0
        changes = [(0, _DEFAULT_TEMPO), *tempi, (1 << 60, _DEFAULT_TEMPO)]
        for (tick, tempo), (following, _) in pairwise(changes):
            rate = tempo / 1e6 / division
            self._marks.append((tick, seconds, rate))
            seconds += (following - tick) * rate

    def __call__(self, tick: int) -> float:
        start, seconds, rate = next(m for m in reversed(self._marks) if m[0] <= tick)
        return seconds + (tick - start) * rate


def _chunks(content: bytes) -> Iterator[bytes]:
    position = 14
    while position + 8 <= len(content):
        kind, length = struct.unpack(">4sI", content[position : position + 8])
        if kind == b"MTrk":
            yield content[position + 8 : position + 8 + length]
        position += 8 + length


def _events(chunk: bytes) -> Iterator[tuple[int, int, int | bytes]]:
    """``(tick, kind, value)``: tempo (0x51), name (0x03), note (status; pitch × 256 + velocity)."""
    position, tick, status = 0, 0, 0
    while position < len(chunk):
        delta, position = _number(chunk, position)
        tick += delta
        if chunk[position] & 0x80:
            status = chunk[position]
            position += 1
        if status in (0xFF, 0xF0, 0xF7):
            kind = chunk[position] if status == 0xFF else -1
            length, position = _number(chunk, position + (status == 0xFF))
            value = chunk[position : position + length]
            position += length
            if kind == 0x51:
                yield tick, kind, int.from_bytes(value, "big")
            elif kind == 0x03:
                yield tick, kind, value
        else:
            if status & 0xE0 == 0x80:  # note off or on
                yield tick, status & 0xF0, chunk[position] << 8 | chunk[position + 1]
            position += 1 if status & 0xE0 == 0xC0 else 2


def _number(chunk: bytes, position: int) -> tuple[int, int]:
    value = 0
    while True:
        byte = chunk[position]
        value = value << 7 | byte & 0x7F
        position += 1
        if byte < 0x80:
            return value, position


def _name(track: list[tuple[int, int, int | bytes]]) -> str:
    names = [value for _, kind, value in track if kind == 0x03 and isinstance(value, bytes)]
    return names[0].decode("latin-1") if names else ""


def _notes(track: list[tuple[int, int, int | bytes]], clock: _Clock) -> list[Note]:
    sounding: dict[int, list[tuple[int, int]]] = defaultdict(list)
    notes = []
    for tick, kind, value in track:
        if kind not in (0x80, 0x90) or not isinstance(value, int):
            continue
        pitch, velocity = value >> 8, value & 0xFF
        if kind == 0x90 and velocity:
            sounding[pitch].append((tick, velocity))
        elif sounding[pitch]:
            start, loudness = sounding[pitch].pop(0)
            if tick > start:
                notes.append(Note(clock(start), clock(tick), pitch, loudness))
    return sorted(notes, key=lambda note: note.start)


def _track(events: list[tuple[int, bytes]]) -> bytes:
    body, last = bytearray(), 0
    for tick, message in events:
        body += _variable(tick - last) + message
        last = tick
    body += b"\x60\xff\x2f\x00"
    return b"MTrk" + struct.pack(">I", len(body)) + bytes(body)


def _variable(value: int) -> bytes:
    groups = [value & 0x7F]
    while value := value >> 7:
        groups.append(value & 0x7F | 0x80)
    return bytes(reversed(groups))
