"""The report as one HTML file that asks nobody for anything, light or dark as its reader likes."""

from __future__ import annotations

from html import escape
from typing import Any

from acousticsense.command.report.numbers import Numbers, clock, stretch
from acousticsense.command.report.plots import chorus_map, confidence_histogram, genre_bars

_STYLE = """
:root { color-scheme: light dark; --page: #f6f6f3; --card: #fff; --ink: #1d1f24;
  --quiet: #5d6470; --line: #e1e2e0; --accent: #4a4fd0; --soft: #b9bcf2; --strong: #d9480f; }
@media (prefers-color-scheme: dark) { :root { --page: #131418; --card: #1c1e24; --ink: #eceef2;
  --quiet: #9aa3b2; --line: #2f333c; --accent: #8d92ff; --soft: #4a4e93; --strong: #ff9f5a; } }
* { box-sizing: border-box; }
body { margin: 0; padding: 2.5rem 1rem 4rem; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", "PingFang SC", "Noto Sans", sans-serif; }
main { max-width: 60rem; margin: 0 auto; display: grid; gap: 1.25rem;
  grid-template-columns: minmax(0, 1fr); }
h1 { font-size: 1.75rem; margin: 0; letter-spacing: -.02em; }
h2 { font-size: 1.05rem; margin: 0 0 1rem; }
p { margin: 0; } .quiet { color: var(--quiet); fill: var(--quiet); }
section, .figure { background: var(--card); border: 1px solid var(--line); border-radius: 14px;
  padding: 1.25rem 1.5rem; }
.figures { display: grid; gap: 1.25rem;
  grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); }
.figure b { display: block; font-size: 1.9rem; font-weight: 650; letter-spacing: -.02em; }
.scroll { overflow-x: auto; } .scroll + p { margin-top: .75rem; }
svg { display: block; width: 100%; min-width: 34rem; height: auto; font: 13px system-ui, sans-serif;
  fill: var(--ink); }
svg .bar { fill: var(--accent); } svg .track { fill: var(--line); }
svg .chorus, .key.chorus { fill: var(--soft); background: var(--soft); }
svg .thumbnail, .key.thumbnail { fill: var(--strong); background: var(--strong); }
svg .axis { stroke: var(--line); fill: none; }
.key { display: inline-block; width: .8em; height: .8em; border-radius: 3px; margin: 0 .4em 0 0; }
.named { white-space: nowrap; margin-right: 1em; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th { text-align: left; color: var(--quiet); font-weight: 500; }
th, td { padding: .4rem .75rem .4rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td:first-child { overflow-wrap: anywhere; min-width: 9rem; }
.number { text-align: right; white-space: nowrap; } summary { cursor: pointer; }
li { overflow-wrap: anywhere; }
@media print { body { padding: 0; background: none; } section, .figure { break-inside: avoid; } }
"""


def page(found: Numbers) -> str:
    """The whole document."""
    parts = [
        _figures(found),
        *([_genres(found), _confidence(found)] if found.analyzed else []),
        *([_choruses(found)] if found.choruses["songs"] else []),
        *([_failures(found)] if found.failures else []),
        *([_songs(found)] if found.songs else []),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{found.total} songs</title><style>{_STYLE}</style></head><body><main>\n"
        f'<header><h1>{found.total} songs</h1><p class="quiet">AcousticSense, '
        f'<time datetime="{found.made_at}">{found.made_at[:16].replace("T", " ")} UTC</time></p>'
        "</header>\n" + "\n".join(parts) + "\n</main></body></html>\n"
    )


def _figures(found: Numbers) -> str:
    known = [(str(found.total - found.failed), "analysed"), (str(found.failed), "failed")]
    if found.analyzed:
        known.append((f"{found.confidence['mean']:.0f} %", "mean confidence"))
    if found.choruses["with_chorus"]:
        known.append(
            (clock(found.choruses["mean_start"]), "until the likeliest chorus, on average")
        )
    return (
        '<div class="figures">'
        + "".join(
            f'<div class="figure"><b>{number}</b><span class="quiet">{what}</span></div>'
            for number, what in known
        )
        + "</div>"
    )


def _genres(found: Numbers) -> str:
    return _section("Genres", f'<div class="scroll" tabindex="0">{genre_bars(found.genres)}</div>')


def _confidence(found: Numbers) -> str:
    sure = found.confidence
    picture = confidence_histogram(
        [each["confidence"] for each in found.songs if each["confidence"] is not None]
    )
    words = f"{sure['mean']} % on average, from {sure['min']} to {sure['max']} %."
    return _section(
        "Confidence in the first genre",
        f'<div class="scroll" tabindex="0">{picture}</div><p class="quiet">{words}</p>',
    )


def _choruses(found: Numbers) -> str:
    known = found.choruses
    words = (
        f"{known['with_chorus']} of {known['songs']} songs have one; the likeliest lasts "
        f"{known['mean_length']} s on average."
    )
    keys = (
        '<span class="named"><i class="key chorus"></i>chorus</span>'
        '<span class="named"><i class="key thumbnail"></i>likeliest</span>'
    )
    picture = chorus_map(found.songs)
    return _section(
        "Choruses",
        f'<div class="scroll" tabindex="0">{picture}</div><p class="quiet">{keys} {words}</p>',
    )


def _failures(found: Numbers) -> str:
    return _section("Failures", "".join(map(_failure, found.failures)))


def _failure(cause: dict[str, Any]) -> str:
    songs = "".join(
        f'<li>{escape(each["source"])} <span class="quiet">{escape(each["detail"])}</span></li>'
        for each in cause["songs"]
    )
    name = f"{escape(cause['name'])}: {cause['count']}"
    return f"<details><summary>{name}</summary><ul>{songs}</ul></details>"


def _songs(found: Numbers) -> str:
    head = (
        '<tr><th scope="col">song</th><th scope="col">genre</th>'
        '<th scope="col" class="number">confidence</th>'
        '<th scope="col" class="number">likeliest chorus</th></tr>'
    )
    rows = "".join(map(_row, found.songs))
    table = f"<table><thead>{head}</thead><tbody>{rows}</tbody></table>"
    return _section("Songs", f'<div class="scroll" tabindex="0">{table}</div>')


def _row(song: dict[str, Any]) -> str:
    sure = "" if song["confidence"] is None else f"{song['confidence']:.1f} %"
    return (
        f'<tr><td title="{escape(song["source"])}">{escape(song["name"])}</td>'
        f"<td>{escape(song['genre'] or '')}</td>"
        f'<td class="number">{sure}</td><td class="number">{stretch(song["thumbnail"])}</td></tr>'
    )


def _section(title: str, content: str) -> str:
    return f"<section><h2>{title}</h2>{content}</section>"
