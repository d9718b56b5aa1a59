"""What a report says, before it has a form."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any

from acousticsense.command.entries import Entry
from acousticsense.results import Chorus
from acousticsense.summary import genre_summary


@dataclass(frozen=True)
class Numbers:
    """Of songs; times in seconds, confidences in percent.

    Attributes:
        made_at: when, ISO 8601.
        total: songs.
        failed: songs that have an error.
        genres: songs by their first genre, most frequent first.
        analyzed: songs whose genre was found.
        confidence: ``mean``, ``min`` and ``max`` of the first genre's.
        choruses: ``songs`` whose choruses were looked for, ``with_chorus`` of them,
            ``mean_start`` and ``mean_length`` of the thumbnails of these.
        failures: by cause, most frequent first: ``name``, ``count``, ``songs`` (``source`` and
            ``detail``).
        songs: ``source``, ``name``, ``genre``, ``confidence``, ``seconds``, ``thumbnail``
            ([start, end]), ``choruses`` (list of those); what is not known is ``None``.
    """

    made_at: str
    total: int
    failed: int
    genres: dict[str, int]
    analyzed: int
    confidence: dict[str, float]
    choruses: dict[str, Any]
    failures: list[dict[str, Any]]
    songs: list[dict[str, Any]]


def numbers(entries: Iterable[Entry]) -> Numbers:
    """Count what entries hold."""
    known = sorted(entries, key=lambda each: each.shown)
    failed = [each for each in known if each.error is not None]
    genres = genre_summary(each.genre for each in known if each.genre is not None)
    return Numbers(
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        total=len(known),
        failed=len(failed),
        genres=genres["genre_distribution"],
        analyzed=genres["total_analyzed"],
        confidence={"mean": genres["average_confidence"], **genres["confidence_range"]},
        choruses=_choruses([each.chorus for each in known if each.chorus is not None]),
        failures=failures(failed),
        songs=[_song(each) for each in known if each.genre or each.chorus],
    )


def failures(failed: Iterable[Entry]) -> list[dict[str, Any]]:
    """Failed entries by the name of their error, the most frequent first."""
    by_name: dict[str, list[dict[str, str]]] = {}
    for entry in failed:
        if entry.error is not None:
            song = {"source": entry.shown, "detail": entry.error["detail"]}
            by_name.setdefault(entry.error["name"], []).append(song)
    ordered = sorted(by_name.items(), key=lambda each: -len(each[1]))
    return [{"name": name, "count": len(songs), "songs": songs} for name, songs in ordered]


def clock(seconds: float) -> str:
    """Minutes and seconds, ``1:07``."""
    whole = round(seconds)
    return f"{whole // 60}:{whole % 60:02d}"


def stretch(interval: Sequence[float] | None) -> str:
    """From when to when, ``0:26 to 0:43``; nothing of nothing."""
    return "" if interval is None else f"{clock(interval[0])} to {clock(interval[1])}"


def _choruses(found: list[Chorus]) -> dict[str, Any]:
    thumbnails = [each.thumbnail[0] for each in found if each.chorus_segments]
    count = len(thumbnails)
    starts, lengths = (
        sum(each.start for each in thumbnails),
        sum(each.duration for each in thumbnails),
    )
    return {
        "songs": len(found),
        "with_chorus": count,
        "mean_start": round(starts / count, 2) if count else 0,
        "mean_length": round(lengths / count, 2) if count else 0,
    }


def _song(entry: Entry) -> dict[str, Any]:
    genre, chorus = entry.genre, entry.chorus
    return {
        "source": entry.shown,
        "name": PurePath(entry.shown).name or entry.shown,
        "genre": genre.top_genre if genre else None,
        "confidence": genre.top_confidence if genre else None,
        "seconds": chorus.seconds if chorus else None,
        "thumbnail": chorus.thumbnail[0].interval if chorus else None,
        "choruses": [each.interval for each in chorus.chorus_segments] if chorus else None,
    }
