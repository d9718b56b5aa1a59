"""Scores of chorus detection for one song, as ``data/README.md`` defines them. Pure NumPy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Span = Sequence[float]

GRID = 0.1
"""Seconds between the points at which curves and segments are compared with the annotation."""

HIT = 3.0
"""Seconds that a boundary may be off."""


@dataclass(frozen=True, slots=True)
class Annotation:
    """What listeners say of one song; seconds."""

    name: str
    duration: float
    chorus: list[Span]
    ignore: list[Span]


@dataclass(frozen=True, slots=True)
class SongScore:
    """How well one song's answer fits; ``nan`` where the song cannot tell."""

    auc: float
    true_positive: float  # seconds
    false_positive: float
    false_negative: float
    thumbnail: float  # 1 if at least half of it lies inside a chorus
    start_errors: list[float]  # seconds to the nearest chorus segment's start, a chorus each
    end_errors: list[float]
    cut_errors: list[float]  # seconds from a chorus start to the nearest cut of the raw segments
    longest: float  # seconds of all chorus segments together

    @property
    def f1(self) -> float:
        """Share of agreement in time; 0 if nothing is found or nothing is there."""
        wrong = self.false_positive + self.false_negative
        return 2 * self.true_positive / max(2 * self.true_positive + wrong, 1e-9)


def grid(annotation: Annotation) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Times to score at, without ignored spans, and whether each lies in a chorus."""
    times = np.arange(0, annotation.duration, GRID) + GRID / 2
    keep = ~within(times, annotation.ignore)
    return times[keep], within(times[keep], annotation.chorus)


def within(times: NDArray[np.float64], spans: Sequence[Span]) -> NDArray[np.bool_]:
    """Whether each time lies in one of the spans."""
    inside = np.zeros(len(times), dtype=bool)
    for start, end in spans:
        inside |= (times >= start) & (times < end)
    return inside


def curve_at(
    curve: NDArray[np.floating], frame_sec: float, times: NDArray[np.float64]
) -> NDArray[np.float64]:
    """A curve's values at other times, linear between the frames' middles."""
    return np.interp(times, (np.arange(len(curve)) + 0.5) * frame_sec, curve)


def auc(scores: NDArray[np.floating], truth: NDArray[np.bool_]) -> float:
    """Area under the ROC curve by ranks (Mann–Whitney); ``nan`` without both kinds."""
    positive, negative = int(truth.sum()), int((~truth).sum())
    if not positive or not negative:
        return float("nan")
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return float((ranks[truth].sum() - positive * (positive + 1) / 2) / (positive * negative))


def score(
    annotation: Annotation, curve: NDArray[np.floating], frame_sec: float, result: dict
) -> SongScore:
    """Score one song's chorus curve and segments (the DeepChorus payload)."""
    times, truth = grid(annotation)
    segments = [segment["interval"] for segment in result["chorus_segments"]]
    said = within(times, segments)
    cuts = [t for segment in result["raw_segments"] for t in segment["interval"]]
    starts = [start for start, _ in annotation.chorus]
    ends = [end for _, end in annotation.chorus]
    return SongScore(
        auc=auc(curve_at(curve, frame_sec, times), truth),
        true_positive=float(np.sum(said & truth) * GRID),
        false_positive=float(np.sum(said & ~truth) * GRID),
        false_negative=float(np.sum(~said & truth) * GRID),
        thumbnail=_thumbnail(result, annotation),
        start_errors=[_nearest(t, [s for s, _ in segments]) for t in starts],
        end_errors=[_nearest(t, [e for _, e in segments]) for t in ends],
        cut_errors=[_nearest(t, cuts) for t in starts],
        longest=sum(end - start for start, end in segments),
    )


def _thumbnail(result: dict, annotation: Annotation) -> float:
    if not annotation.chorus or not result["thumbnail"]:
        return float("nan")
    start, end = result["thumbnail"][0]["interval"]
    inside = sum(max(0.0, min(end, b) - max(start, a)) for a, b in annotation.chorus)
    return float(inside >= 0.5 * (end - start))


def _nearest(time: float, others: Sequence[float]) -> float:
    """Signed seconds from ``time`` to the nearest of the others; infinite if there is none."""
    return min((other - time for other in others), key=abs, default=float("inf"))


def reliability(
    probability: NDArray[np.floating], happened: NDArray[np.bool_], bins: int = 10
) -> NDArray[np.float64]:
    """Rows of mean probability, observed share and share of all points, a row a filled bin."""
    index = np.minimum((np.asarray(probability) * bins).astype(int), bins - 1)
    rows = [
        (probability[index == b].mean(), happened[index == b].mean(), np.mean(index == b))
        for b in range(bins)
        if np.any(index == b)
    ]
    return np.array(rows, dtype=np.float64)


def calibration_error(probability: NDArray[np.floating], happened: NDArray[np.bool_]) -> float:
    """Expected calibration error over ten equal bins, in ``[0, 1]``."""
    said, seen, share = reliability(probability, happened).T
    return float(np.sum(share * np.abs(said - seen)))
