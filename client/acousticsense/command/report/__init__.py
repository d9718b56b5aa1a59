"""What many songs came to, on a page: HTML, Markdown or JSON by the file's ending."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path

from acousticsense.command.entries import Entry
from acousticsense.command.report.html import page
from acousticsense.command.report.markdown import markdown
from acousticsense.command.report.numbers import Numbers, numbers

WRITERS: dict[str, Callable[[Numbers], str]] = {
    ".html": page,
    ".md": markdown,
    ".json": lambda found: json.dumps(vars(found), indent=2, ensure_ascii=False) + "\n",
}


def write_report(path: Path, entries: Iterable[Entry]) -> None:
    """Write the report; its ending is one of :data:`WRITERS`.

    Raises:
        OSError: it cannot be written.
    """
    path.write_text(WRITERS[path.suffix.lower()](numbers(entries)), "utf-8")
