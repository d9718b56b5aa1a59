"""The figures of a genre model: what is right, how sure it was, and within what bounds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Measure = Callable[[Floats, Ints], float]


def top(count: int) -> Measure:
    """Share of clips whose genre is among the ``count`` likeliest."""

    def measure(probabilities: Floats, labels: Ints) -> float:
        best = np.argsort(-probabilities, axis=1)[:, :count]
        return float((best == labels[:, None]).any(axis=1).mean())

    return measure


def f1_by_genre(probabilities: Floats, labels: Ints) -> Floats:
    """``(classes,)`` harmonic mean of precision and recall; NaN for a genre that has no clip."""
    answers = probabilities.argmax(axis=1)
    result = np.full(probabilities.shape[1], np.nan)
    for genre in np.unique(labels):
        right = ((answers == genre) & (labels == genre)).sum()
        result[genre] = 2 * right / ((answers == genre).sum() + (labels == genre).sum())
    return result


def macro_f1(probabilities: Floats, labels: Ints) -> float:
    """Mean of :func:`f1_by_genre` over the genres that occur."""
    return float(np.nanmean(f1_by_genre(probabilities, labels)))


def reliability(probabilities: Floats, labels: Ints, bins: int = 10) -> list[tuple[float, ...]]:
    """``(mean confidence, share right, clips)`` of equal steps of the top probability."""
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    which = np.minimum((confidence * bins).astype(int), bins - 1)
    return [
        (
            float(confidence[which == b].mean()),
            float(right[which == b].mean()),
            int(sum(which == b)),
        )
        for b in range(bins)
        if (which == b).any()
    ]


def calibration_error(probabilities: Floats, labels: Ints) -> float:
    """Expected calibration error over ten equal bins (Guo et al. 2017)."""
    rows = reliability(probabilities, labels)
    return sum(count * abs(sure - right) for sure, right, count in rows) / len(labels)


MEASURES: dict[str, Measure] = {
    "top-1": top(1),
    "top-3": top(3),
    "macro-F1": macro_f1,
    "ECE": calibration_error,
}


@dataclass(frozen=True)
class Interval:
    """A figure and the middle 95 % of it when whole artists are drawn again."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


def interval(
    measure: Measure, probabilities: Floats, labels: Ints, groups: Sequence[str], seed: int = 0
) -> Interval:
    """Bootstrap over artists, 1000 draws: clips of an artist are not independent."""
    _, which = np.unique(np.asarray(groups), return_inverse=True)
    members = [np.flatnonzero(which == group) for group in range(which.max() + 1)]
    chance = np.random.default_rng(seed)
    draws = []
    for _ in range(1000):
        drawn = chance.integers(0, len(members), len(members))
        clips = np.concatenate([members[group] for group in drawn])
        draws.append(measure(probabilities[clips], labels[clips]))
    low, high = np.quantile(draws, [0.025, 0.975])
    return Interval(measure(probabilities, labels), float(low), float(high))


def table(
    probabilities: Floats, labels: Ints, groups: Sequence[str], collections: Sequence[str]
) -> str:
    """Markdown: every measure over all clips and by collection, with intervals."""
    whose, by = np.asarray(groups), np.asarray(collections)
    rows = ["| clips | n | " + " | ".join(MEASURES) + " |", "|---" * (2 + len(MEASURES)) + "|"]
    sources = sorted(set(by))
    for name in ["all", *(sources if len(sources) > 1 else [])]:
        use = np.ones(len(labels), bool) if name == "all" else by == name
        cells = [
            str(interval(measure, probabilities[use], labels[use], whose[use]))
            for measure in MEASURES.values()
        ]
        rows.append(f"| {name} | {use.sum()} | " + " | ".join(cells) + " |")
    return "\n".join(rows)


def genre_table(probabilities: Floats, labels: Ints, names: Sequence[str]) -> str:
    """Markdown: clips, recall, F1 and the commonest mistake of every genre."""
    answers, f1 = probabilities.argmax(axis=1), f1_by_genre(probabilities, labels)
    rows = ["| genre | n | recall | F1 | mostly taken for |", "|---|---|---|---|---|"]
    for genre, name in enumerate(names):
        given = answers[labels == genre]
        if len(given) == 0:
            continue
        wrong = np.bincount(given[given != genre], minlength=len(names))
        other = f"{names[wrong.argmax()]} ({wrong.max()})" if wrong.any() else "-"
        rows.append(
            f"| {name} | {len(given)} | {(given == genre).mean():.2f} | {f1[genre]:.2f} | {other} |"
        )
    return "\n".join(rows)
