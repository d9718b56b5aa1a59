"""Curves to the DeepChorus payload: where the song is cut, which parts are chorus, which is best.

Two steps. The choruses are the best path through a two-state model (chorus or not) whose frames are
paid by the chorus curve and whose changes are paid by the start and end curves, so that a chorus
begins at a likely start and not where its curve happens to cross the threshold. Then the rest of
the song is cut at the remaining peaks of the boundary curves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Curve = NDArray[np.float64]
Segment = dict[str, Any]

_DECIMALS = 3
_SNAP = 1.0  # seconds that a chorus's edge may move to the top of its boundary's peak
_TINY = 1e-4  # probabilities are kept this far from 0 and 1 before logarithms


@dataclass(frozen=True, slots=True)
class SegmentRules:
    """What counts as a chorus and as a cut; travels in ``config.pbtxt`` like a front end.

    Attributes:
        chorus_threshold: probability from which a frame speaks for a chorus; below one half, as
            the best F1 needs when probabilities are honest.
        best_share: a frame must also reach this share of the song's best tenth of frames: what is
            chorus in a song whose choruses are unmistakable is told more strictly.
        cut_threshold: boundary probability that makes a cut; where it is reached, a chorus begins
            or ends at no cost.
        edge_weight: cost of a boundary e times less likely than that: so many seconds of chorus
            curve whose logit is 1 above the threshold's.
        least_chorus: seconds; shorter finds are not called a chorus.
        least_gap: seconds between choruses below which they are one.
        least_segment: seconds between two cuts.
        short_clip: seconds below which the whole clip is the answer (the protocol's rule).
    """

    chorus_threshold: float = 0.35
    best_share: float = 0.65
    cut_threshold: float = 0.2
    edge_weight: float = 4.0
    least_chorus: float = 5.0
    least_gap: float = 2.0
    least_segment: float = 4.0
    short_clip: float = 15.0

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, str]) -> SegmentRules:
        """Read the rules from configuration text; absent ones keep their default.

        Raises:
            ValueError: a value is no number.
        """
        names = [field.name for field in fields(cls)]
        return cls(**{name: float(parameters[name]) for name in names if name in parameters})


def segments(
    curves: NDArray[np.floating[Any]],
    duration: float,
    frame_sec: float = 0.192,
    rules: SegmentRules | None = None,
) -> dict[str, Any]:
    """The DeepChorus payload of a song.

    Args:
        curves: ``(T, 3)`` probabilities of chorus, of a start and of an end, a row each
            ``frame_sec``; frames beyond ``duration`` are ignored.
        duration: seconds, more than 0.
        frame_sec: seconds a frame.
        rules: thresholds; the defaults where absent.

    Returns:
        ``frame_sec``, ``thumbnail`` (always one), ``chorus_segments`` (none if nothing passes the
        threshold: the thumbnail is then the likeliest part, with its low ``chorus_prob``) and
        ``raw_segments`` (from 0 to ``duration`` without gaps). Times are rounded to milliseconds.
    """
    rules = rules or SegmentRules()
    song = _Song(np.asarray(curves, dtype=np.float64), duration, frame_sec)
    if duration < rules.short_clip:
        whole = song.segment(0.0, duration)
        return _payload(frame_sec, whole, [whole], [whole])
    spans = _chorus_spans(song, rules)
    cuts = _cuts(song, spans, rules)
    raw = [song.segment(a, b) for a, b in pairwise(cuts)]
    choruses = [song.segment(a, b) for a, b in spans]
    candidates = choruses or [s for s in raw if s["duration"] >= rules.least_chorus] or raw
    best = max(candidates, key=lambda segment: segment["chorus_prob"])
    return _payload(frame_sec, best, choruses, raw)


def _payload(
    frame_sec: float, thumbnail: Segment, choruses: list[Segment], raw: list[Segment]
) -> dict[str, Any]:
    return {
        "frame_sec": frame_sec,
        "thumbnail": [thumbnail],
        "chorus_segments": choruses,
        "raw_segments": raw,
    }


class _Song:
    """Curves with their clock: frame ``i`` covers ``i × frame_sec`` to ``(i + 1) × frame_sec``."""

    def __init__(self, curves: Curve, duration: float, frame_sec: float) -> None:
        inside = max(1, min(len(curves), int(np.ceil(duration / frame_sec - 1e-9))))
        self.chorus, self.start, self.end = curves[:inside].T
        self.frames, self.duration, self.frame_sec = inside, duration, frame_sec

    def time(self, edge: int) -> float:
        """Seconds of the edge before frame ``edge``; the last edge is the song's end."""
        if edge >= self.frames:
            return round(self.duration, _DECIMALS)
        return round(min(edge * self.frame_sec, self.duration), _DECIMALS)

    def edge(self, time: float) -> int:
        """The edge nearest a time."""
        return min(self.frames, round(time / self.frame_sec))

    def segment(self, start: float, end: float) -> Segment:
        """One segment of the payload."""
        first = min(self.edge(start), self.frames - 1)
        last = max(first + 1, self.edge(end))
        return {
            "interval": [round(start, _DECIMALS), round(end, _DECIMALS)],
            "start_prob": _peak(self.start, first),
            "end_prob": _peak(self.end, last),
            "chorus_prob": round(float(self.chorus[first:last].mean()), _DECIMALS),
            "duration": round(end - start, _DECIMALS),
            "res_duration": round(self.duration - start, _DECIMALS),
        }


def _peak(curve: Curve, edge: int) -> float:
    """A boundary's probability: the larger of the two frames that meet at the edge."""
    return round(float(curve[max(0, edge - 1) : edge + 1].max()), _DECIMALS)


def _chorus_spans(song: _Song, rules: SegmentRules) -> list[tuple[float, float]]:
    state = _best_path(song, rules)
    change = np.flatnonzero(np.diff(np.concatenate([[0], state, [0]])))
    reach = round(_SNAP / song.frame_sec)
    spans = [
        (song.time(_snapped(song.start, a, reach)), song.time(_snapped(song.end, b, reach)))
        for a, b in change.reshape(-1, 2)
    ]
    joined: list[tuple[float, float]] = []
    for start, end in spans:
        if joined and start - joined[-1][1] < rules.least_gap:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return [(a, b) for a, b in joined if b - a >= rules.least_chorus]


def _best_path(song: _Song, rules: SegmentRules) -> NDArray[np.int64]:
    """Viterbi's path: 1 in a chorus, 0 elsewhere, one state a frame."""
    best = np.sort(song.chorus)[-max(1, song.frames // 10) :].mean()
    threshold = np.maximum(rules.chorus_threshold, rules.best_share * best)
    gain = song.frame_sec * (_logit(song.chorus) - _logit(threshold))
    enter, leave = (
        rules.edge_weight * np.log(np.minimum(_edges(curve) / rules.cut_threshold, 1.0))
        for curve in (song.start, song.end)
    )
    entered = np.zeros(song.frames, dtype=bool)
    left = np.zeros(song.frames, dtype=bool)
    outside, inside = 0.0, enter[0] + gain[0]
    for frame in range(1, song.frames):
        left[frame] = inside + leave[frame] > outside
        entered[frame] = outside + enter[frame] > inside
        before = outside
        outside = max(outside, inside + leave[frame])
        inside = max(inside, before + enter[frame]) + gain[frame]
    state = np.zeros(song.frames, dtype=np.int64)
    now = int(inside + leave[-1] > outside)
    for frame in range(song.frames - 1, 0, -1):
        state[frame] = now
        if (entered if now else left)[frame]:
            now = 1 - now
    state[0] = now
    return state


def _snapped(curve: Curve, edge: int, reach: int) -> int:
    """The likeliest edge within ``reach`` frames; the edge itself where none is likelier."""
    likely = np.convolve(curve, [1, 1])  # of the edge before each frame, and of the song's end
    first = max(0, edge - reach)
    best = first + int(likely[first : edge + reach + 1].argmax())
    return best if likely[best] > likely[edge] else int(edge)


def _edges(curve: Curve) -> Curve:
    """Probability of a boundary at the edge before each frame."""
    before = np.concatenate([curve[:1], curve[:-1]])
    return np.clip(np.maximum(before, curve), _TINY, 1.0)


def _cuts(song: _Song, spans: Sequence[tuple[float, float]], rules: SegmentRules) -> list[float]:
    """Times of all cuts, 0 and the song's end included: edges of choruses, then likeliest first."""
    cuts = {0.0, round(song.duration, _DECIMALS)}
    cuts.update(time for span in spans for time in span)
    strength = np.maximum(_edges(song.start), _edges(song.end))
    for edge in np.argsort(-strength, kind="stable"):
        if strength[edge] < rules.cut_threshold:
            break
        time = song.time(int(edge))
        if all(abs(time - other) >= rules.least_segment for other in cuts):
            cuts.add(time)
    return sorted(cuts)


def _logit(probability: Curve) -> Curve:
    kept = np.clip(probability, _TINY, 1 - _TINY)
    return np.asarray(np.log(kept / (1 - kept)))
