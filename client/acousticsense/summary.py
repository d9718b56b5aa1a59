"""Many analyses in a few numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any


def genre_distribution(genres: Iterable[str]) -> dict[str, int]:
    """How many songs each genre has, most frequent first; as met where they are equal."""
    return dict(Counter(genres).most_common())


def genre_summary(analyses: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Genres and confidences (percent, two decimals) of analyses; zeros where there are none."""
    known = list(analyses)
    confidences = [float(each["top_confidence"]) for each in known]
    mean = sum(confidences) / len(confidences) if confidences else 0
    return {
        "genre_distribution": genre_distribution(each["top_genre"] for each in known),
        "total_analyzed": len(known),
        "average_confidence": round(mean, 2),
        "confidence_range": {
            "min": min(confidences, default=0),
            "max": max(confidences, default=0),
        },
    }
