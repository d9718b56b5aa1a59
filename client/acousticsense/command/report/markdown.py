"""The report as Markdown: for a README, an issue, a mail."""

from __future__ import annotations

from acousticsense.command.report.numbers import Numbers, clock, stretch

_BAR = 30  # characters


def markdown(found: Numbers) -> str:
    """The whole document."""
    parts = [
        "# Songs\n",
        f"{found.total} songs, {found.total - found.failed} analysed, {found.failed} failed "
        f"({found.made_at}).\n",
        *(_genres(found) if found.analyzed else []),
        *(_choruses(found) if found.choruses["songs"] else []),
        *(_failures(found) if found.failures else []),
        *(_songs(found) if found.songs else []),
    ]
    return "\n".join(parts)


def _genres(found: Numbers) -> list[str]:
    most = max(found.genres.values())
    sure = found.confidence
    return [
        "## Genres\n",
        "| genre | songs | |\n|---|---:|---|",
        *(
            f"| {_cell(genre)} | {count} | `{'█' * max(1, round(_BAR * count / most))}` |"
            for genre, count in found.genres.items()
        ),
        f"\nConfidence: {sure['mean']} % on average, from {sure['min']} to {sure['max']} %.\n",
    ]


def _choruses(found: Numbers) -> list[str]:
    known = found.choruses
    return [
        "## Choruses\n",
        f"{known['with_chorus']} of {known['songs']} songs have one; the likeliest begins at "
        f"{clock(known['mean_start'])} and lasts {known['mean_length']} s on average.\n",
    ]


def _failures(found: Numbers) -> list[str]:
    lines = ["## Failures\n", "| cause | songs | for example |\n|---|---:|---|"]
    for each in found.failures:
        first = each["songs"][0]
        example = f"{first['source']}: {first['detail']}"
        lines.append(f"| {_cell(each['name'])} | {each['count']} | {_cell(example)} |")
    return [*lines, ""]


def _songs(found: Numbers) -> list[str]:
    lines = ["## Songs\n", "| song | genre | confidence | likeliest chorus |\n|---|---|---:|---|"]
    for song in found.songs:
        chorus = stretch(song["thumbnail"])
        sure = "" if song["confidence"] is None else f"{song['confidence']} %"
        lines.append(f"| {_cell(song['source'])} | {song['genre'] or ''} | {sure} | {chorus} |")
    return [*lines, ""]


def _cell(text: str) -> str:
    """Text that ends neither its cell nor its row, and is no markup."""
    for sign in "\\|`*_<[":
        text = text.replace(sign, f"\\{sign}")
    return " ".join(text.split())
