"""The analysis object of the AcousticSense protocol, the same in both fronts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from gateway.analyzer import GenreResult

_SHOWN = 5


def analysis_object(result: GenreResult, request_id: str, now: datetime) -> dict[str, Any]:
    """The five most probable genres, best first; ``confidence`` in percent, two decimals."""
    shown = [
        {"genre": genre, "confidence": round(probability * 100, 2)}
        for genre, probability in result.ranking[:_SHOWN]
    ]
    return {
        "request_id": request_id,
        "timestamp": now.isoformat(),
        "analysis_results": shown,
        "top_genre": shown[0]["genre"],
        "top_confidence": shown[0]["confidence"],
    }
