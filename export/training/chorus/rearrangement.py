"""Rearrange a rendered song by its sections: forms that the MIDI songs do not have.

Real songs begin with the chorus' chords before anybody sings, repeat the last chorus, have choruses
of eight bars – or none at all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audio.chorus_features import FRAME_SEC, HOPS, Spectra
from export.training.chorus.renders import Labels, Stems

_SHORTEST_SONG = 60.0  # seconds; an edit that leaves less is not made
_HALVABLE = 20.0  # seconds; a shorter section is not halved
_SILENT = np.float32(1e-5)  # what is left of a voice that does not sing


@dataclass(frozen=True, slots=True)
class _Piece:
    """A section on its way into the new song."""

    start: float  # seconds in the old song
    end: float
    letter: str
    chorus: bool
    sung: bool = True


def rearrange(stems: Stems, labels: Labels, rng: np.random.Generator) -> tuple[Stems, Labels]:
    """A song of another form, or of the same in half of the cases; equal ``rng``, equal song."""
    pieces = [
        _Piece(start, end, str(letter), bool(_within((start + end) / 2, labels.chorus)))
        for (start, end), letter in zip(labels.sections, labels.letters, strict=True)
    ]
    pieces = _halved(pieces, rng)
    edit = _EDITS[rng.choice(len(_EDITS), p=_CHANCES)]
    edited = edit(pieces, rng)
    if sum(piece.end - piece.start for piece in edited) < _SHORTEST_SONG:
        edited = pieces
    return _assembled(edited, stems, labels)


def _same(pieces: list[_Piece], _: np.random.Generator) -> list[_Piece]:
    return pieces


def _chorus_first(pieces: list[_Piece], rng: np.random.Generator) -> list[_Piece]:
    """The band plays a chorus before the song begins: nobody sings, so it is none."""
    found = [piece for piece in pieces if piece.chorus]
    if not found:
        return pieces
    first = found[rng.integers(len(found))]
    return [_Piece(first.start, first.end, first.letter, chorus=False, sung=False), *pieces]


def _one_less(pieces: list[_Piece], rng: np.random.Generator) -> list[_Piece]:
    others = [index for index, piece in enumerate(pieces) if not piece.chorus]
    if not others:
        return pieces
    gone = others[rng.integers(len(others))]
    return [piece for index, piece in enumerate(pieces) if index != gone]


def _nothing_else_twice(pieces: list[_Piece], _: np.random.Generator) -> list[_Piece]:
    """What is no chorus never returns, as where verses are told more than sung."""
    known: set[str] = set()
    kept = []
    for piece in pieces:
        if piece.chorus or piece.letter not in known:
            kept.append(piece)
        known.add(piece.letter)
    return kept


def _last_twice(pieces: list[_Piece], _: np.random.Generator) -> list[_Piece]:
    places = [index for index, piece in enumerate(pieces) if piece.chorus]
    if not places:
        return pieces
    last = places[-1]
    return [*pieces[: last + 1], *pieces[last:]]


def _without_chorus(pieces: list[_Piece], _: np.random.Generator) -> list[_Piece]:
    return [piece for piece in pieces if not piece.chorus]


def _solo(pieces: list[_Piece], rng: np.random.Generator) -> list[_Piece]:
    """One section, chorus or not, without its voice; then it is no chorus."""
    silent = rng.integers(len(pieces))
    return [
        _Piece(p.start, p.end, p.letter, chorus=False, sung=False) if index == silent else p
        for index, p in enumerate(pieces)
    ]


_EDITS = (
    _same, _chorus_first, _one_less, _nothing_else_twice, _last_twice, _without_chorus, _solo,
)  # fmt: skip
_CHANCES = (0.36, 0.12, 0.12, 0.12, 0.1, 0.08, 0.1)


def _halved(pieces: list[_Piece], rng: np.random.Generator) -> list[_Piece]:
    """Some letters keep only their first half, everywhere alike."""
    letters = sorted({piece.letter for piece in pieces})
    halved = {letter for letter in letters if rng.random() < 0.3}
    return [
        _Piece(p.start, (p.start + p.end) / 2, p.letter, p.chorus)
        if p.letter in halved and p.end - p.start >= _HALVABLE
        else p
        for p in pieces
    ]


def _assembled(pieces: list[_Piece], stems: Stems, labels: Labels) -> tuple[Stems, Labels]:
    """Cut and join spectra at whole frames, and everything that is known with them."""
    total = len(stems.band.pitch)
    cuts = [
        (min(round(p.start / FRAME_SEC), total - 1), min(round(p.end / FRAME_SEC), total))
        for p in pieces
    ]
    if pieces[-1].end >= labels.sections[-1, 1]:
        cuts[-1] = (cuts[-1][0], total)  # the last sound dies away
    begins = np.concatenate([[0], np.cumsum([b - a for a, b in cuts])]) * FRAME_SEC
    voice = [
        _cut(stems.voice, a, b, np.float32(1) if p.sung else _SILENT)
        for (a, b), p in zip(cuts, pieces, strict=True)
    ]
    band = [_cut(stems.band, a, b, np.float32(1)) for a, b in cuts]
    shifts = [begin - a * FRAME_SEC for begin, (a, _) in zip(begins, cuts, strict=False)]
    sections = np.stack([begins[:-1], begins[1:]], axis=1)
    notes = [
        labels.notes[(labels.notes[:, 0] >= p.start) & (labels.notes[:, 0] < p.end)] + shift
        for p, shift in zip(pieces, shifts, strict=True)
        if p.sung
    ]
    ignore = [
        np.clip(span, p.start, p.end) + shift
        for p, shift in zip(pieces, shifts, strict=True)
        for span in labels.ignore
        if span[0] < p.end and span[1] > p.start
    ]
    found = Labels(
        sections,
        np.array([piece.letter for piece in pieces]),
        _merged(sections[[piece.chorus for piece in pieces]]),
        np.array(ignore).reshape(-1, 2),
        np.concatenate([np.zeros((0, 2)), *notes]),
    )
    return Stems(_joined(voice), _joined(band)), found


def _cut(stem: Spectra, first: int, last: int, gain: np.float32) -> Spectra:
    return Spectra(gain * stem.mel[HOPS * first : HOPS * last], gain * stem.pitch[first:last])


def _joined(parts: list[Spectra]) -> Spectra:
    return Spectra(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def _merged(spans: NDArray[np.float64]) -> NDArray[np.float64]:
    """Spans that meet become one."""
    result: list[list[float]] = []
    for start, end in spans:
        if result and start - result[-1][1] < FRAME_SEC / 2:
            result[-1][1] = end
        else:
            result.append([start, end])
    return np.array(result).reshape(-1, 2)


def _within(time: float, spans: NDArray[np.float64]) -> bool:
    return bool(np.any((spans[:, 0] <= time) & (time < spans[:, 1])))
