"""How much memory a tree of processes holds, shared pages counted once."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from pathlib import Path


def tree(roots: Iterable[int]) -> set[int]:
    """The processes and all their descendants."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                stat = (entry / "stat").read_text()
            except (FileNotFoundError, ProcessLookupError):
                continue
            parents[int(entry.name)] = int(stat.rpartition(")")[2].split()[1])
    found = set(roots)
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def megabytes(roots: Iterable[int]) -> float:
    """Proportional set size of the tree, MiB."""
    total = 0
    for pid in tree(roots):
        try:
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        total += int(text.split("\nPss:")[1].split()[0])
    return total / 1024


class Peak:
    """Samples the tree's memory while the ``with`` block runs; ``value`` is the most, MiB."""

    def __init__(self, roots: Iterable[int]) -> None:
        self.roots = list(roots)
        self.value = 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample)

    def __enter__(self) -> Peak:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._ended.is_set():
            self.value = max(self.value, megabytes(self.roots))
            time.sleep(0.02)
