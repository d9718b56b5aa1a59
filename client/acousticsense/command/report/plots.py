"""The report's pictures: SVG that takes its colours from the page."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from acousticsense.command.report.numbers import clock, stretch

_WIDTH = 720
_ROW = 26
_LABEL = 190
_SONGS = 40
_BINS = 10


def genre_bars(genres: dict[str, int]) -> str:
    """A bar for each genre, with how many songs it has."""
    most = max(genres.values())
    rows = []
    for index, (genre, count) in enumerate(genres.items()):
        y, width = index * _ROW, (_WIDTH - _LABEL - 60) * count / most
        rows.append(
            f'<text x="{_LABEL - 12}" y="{y + 17}" text-anchor="end">{escape(genre)}</text>'
            f'<rect class="bar" x="{_LABEL}" y="{y + 4}" width="{width:.1f}" height="18" rx="4"/>'
            f'<text class="quiet" x="{_LABEL + width + 8:.1f}" y="{y + 17}">{count}</text>'
        )
    return _svg(len(genres) * _ROW, f"Songs by genre: {_words(genres)}", rows)


def confidence_histogram(confidences: Sequence[float]) -> str:
    """How many songs have which confidence, in steps of ten percent."""
    counts = [0] * _BINS
    for each in confidences:
        counts[min(_BINS - 1, int(each * _BINS / 100))] += 1
    most, step, base = max(counts), _WIDTH / _BINS, 150
    parts = []
    for index, count in enumerate(counts):
        height = 120 * count / most
        x = index * step
        if count:
            parts.append(
                f'<rect class="bar" x="{x + 5:.1f}" y="{base - height:.1f}" '
                f'width="{step - 10:.1f}" height="{height:.1f}" rx="4"/>'
                f'<text class="quiet" x="{x + step / 2:.1f}" y="{base - height - 6:.1f}" '
                f'text-anchor="middle">{count}</text>'
            )
    parts.append(f'<path class="axis" d="M0 {base + 0.5}H{_WIDTH}"/>')
    for index in range(0, _BINS + 1, 2):
        anchor = {0: "start", _BINS: "end"}.get(index, "middle")
        parts.append(
            f'<text class="quiet" x="{index * step:.1f}" y="{base + 20}" '
            f'text-anchor="{anchor}">{index * 10} %</text>'
        )
    said = ", ".join(
        f"{count} from {index * 10} to {index * 10 + 10} %"
        for index, count in enumerate(counts)
        if count
    )
    return _svg(base + 28, f"Songs by confidence: {said}", parts)


def chorus_map(songs: Sequence[dict[str, Any]]) -> str:
    """A line for each song, as long as it lasts, its choruses on it; the first songs only."""
    shown = [each for each in songs if each["seconds"]][:_SONGS]
    longest = max(each["seconds"] for each in shown)
    scale = (_WIDTH - _LABEL - 48) / longest
    rows = []
    for index, song in enumerate(shown):
        y = index * _ROW
        rows.append(
            f"<g><title>{escape(_song_words(song))}</title>"
            f'<text x="{_LABEL - 12}" y="{y + 17}" text-anchor="end">'
            f"{escape(_short(song['name']))}</text>"
            f'<rect class="track" x="{_LABEL}" y="{y + 7}" '
            f'width="{song["seconds"] * scale:.1f}" height="12" rx="3"/>'
            + "".join(_bar("chorus", each, y, scale) for each in song["choruses"])
            + _bar("thumbnail", song["thumbnail"], y, scale)
            + f'<text class="quiet" x="{_LABEL + song["seconds"] * scale + 8:.1f}" '
            f'y="{y + 17}">{clock(song["seconds"])}</text></g>'
        )
    said = f"Where the choruses of {len(shown)} songs are; the list of songs has the times"
    return _svg(len(shown) * _ROW, said, rows)


def _bar(kind: str, interval: Sequence[float], y: int, scale: float) -> str:
    start, end = interval
    x, width = _LABEL + start * scale, max(2.0, (end - start) * scale)
    return f'<rect class="{kind}" x="{x:.1f}" y="{y + 5}" width="{width:.1f}" height="16" rx="3"/>'


def _song_words(song: dict[str, Any]) -> str:
    return f"{song['source']}: likeliest chorus {stretch(song['thumbnail'])}"


def _short(name: str, most: int = 20) -> str:
    return name if len(name) <= most else f"{name[: most - 1]}…"


def _words(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())


def _svg(height: int, label: str, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(label)}">'
        + "".join(parts)
        + "</svg>"
    )
