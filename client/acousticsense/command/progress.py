"""What a run of many songs shows while it lasts, and says when it ends."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Self

from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from acousticsense.command.entries import Entry
from acousticsense.command.options import errors, output
from acousticsense.command.report.numbers import clock, failures, stretch

_BAR = 24
_EXAMPLES = 3


class RunProgress:
    """A bar with rate and time left on a terminal, a line for each failure anywhere."""

    def __init__(self, total: int) -> None:
        self.entries: dict[str, Entry] = {}
        self.known = 0
        self._total = total
        self._told = self._analyzed = 0
        self._started = time.monotonic()
        self._progress = Progress(
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
            console=errors,
            transient=True,
            disable=not errors.is_terminal or total == 1,
        )
        self._bar = self._progress.add_task("", total=total, note="")

    def tell(self, entry: Entry, new: bool) -> None:
        """Count a song that is done, or was done before."""
        self._told += 1
        self.known += not new
        self._analyzed += new
        self.entries[entry.key] = entry
        if new and entry.error is not None:
            self._progress.console.print(
                f"[red]✗[/] {escape(entry.shown)}: {escape(reason(entry))}", soft_wrap=True
            )
        self._progress.update(self._bar, completed=self._told, note=self._note())

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def summary(self, rest: str = "") -> str:
        """The run in a sentence, and its failures by cause."""
        failed = [each for each in self.entries.values() if each.error is not None]
        seconds = time.monotonic() - self._started
        before = f", {self.known} of all were done before or are there twice" if self.known else ""
        lines = [
            f"{len(self.entries)} songs in {clock(seconds)}: "
            f"{len(self.entries) - len(failed)} analysed, {len(failed)} failed{before}.{rest}"
        ]
        lines += [f"  {each['count']} x {each['name']}" for each in failures(failed)]
        return "\n".join(lines)

    def _note(self) -> str:
        """Rate and time left, from the songs that were analysed now."""
        rate = self._analyzed / max(0.001, time.monotonic() - self._started)
        failed = sum(each.error is not None for each in self.entries.values())
        parts = []
        if self._analyzed:
            parts.append(f"{60 * rate:.0f} songs a minute")
            parts.append(f"{clock((self._total - self._told) / rate)} left")
        if failed:
            parts.append(f"[red]{failed} failed[/]")
        return ", ".join(parts)


def reason(entry: Entry) -> str:
    """Why an entry failed, in words."""
    error = entry.error or {"name": "", "detail": ""}
    return str(error["detail"] or error["name"])


def show(entries: Iterable[Entry]) -> None:
    """Print results: one song at length, several as a table."""
    found = [each for each in entries if each.genre is not None or each.chorus is not None]
    if len(found) == 1:
        _show_one(found[0])
    elif found:
        _show_table(found)


def _show_one(entry: Entry) -> None:
    output.print(f"[bold]{escape(entry.shown)}[/]", soft_wrap=True)
    if entry.genre is not None:
        for score in entry.genre.analysis_results:
            bar = "█" * round(_BAR * score.confidence / 100)
            output.print(f"  {score.genre:<12}{score.confidence:6.2f} %  [blue]{bar}[/]")
    if entry.chorus is not None:
        best = entry.chorus.thumbnail[0]
        if not entry.chorus.chorus_segments:
            output.print("  no chorus was found; the likeliest stretch is")
        for segment in entry.chorus.chorus_segments or [best]:
            mark = "  [bold]likeliest[/]" if segment.interval == best.interval else ""
            output.print(
                f"  chorus      {stretch(segment.interval)}"
                f"  ({segment.start:.2f} to {segment.end:.2f} s){mark}"
            )


def _show_table(entries: Iterable[Entry]) -> None:
    table = Table(box=None, header_style="dim", pad_edge=False)
    table.add_column("song", overflow="fold")
    table.add_column("genre")
    table.add_column("confidence", justify="right")
    table.add_column("likeliest chorus", justify="right")
    for each in entries:
        genre, chorus = each.genre, each.chorus
        best = chorus.thumbnail[0] if chorus is not None else None
        table.add_row(
            escape(each.shown),
            genre.top_genre if genre else "",
            f"{genre.top_confidence:.1f} %" if genre else "",
            stretch(best.interval if best else None),
        )
    output.print(table)
