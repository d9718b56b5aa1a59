"""What can go wrong with somebody else's model, in one sentence that says what to change."""

from __future__ import annotations


class ExportError(Exception):
    """An export that was given up; nothing was written."""
