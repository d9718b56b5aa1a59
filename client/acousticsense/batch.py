"""Many files at once: the batch processor that code in the field knows."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from acousticsense.audio import Audio
from acousticsense.client import AcousticSenseClient
from acousticsense.errors import AcousticSenseError
from acousticsense.summary import genre_summary


class BatchProcessor:
    """Analyses files, several at a time; what fails is reported and stops nothing."""

    def __init__(self, client: AcousticSenseClient, max_workers: int = 5) -> None:
        """Take a client, and how many files it is to analyse at a time.

        Raises:
            ValueError: none at a time.
        """
        if max_workers < 1:
            raise ValueError(f"max_workers is {max_workers}, at least 1 is needed")
        self._client = client
        self._max_workers = max_workers

    async def process_batch(self, audio_files: Sequence[Audio]) -> dict[str, Any]:
        """Analyse files.

        Returns:
            ``total``, ``successful``, ``failed``; ``results``, in the files' order, analysis
            objects with ``file`` and, for those who look for it there, the object itself as
            ``result``; and ``errors`` with ``file``, ``error`` (in words), ``code`` and ``name``
            (``None`` where no server answered).
        """
        permits = asyncio.Semaphore(self._max_workers)
        done = await asyncio.gather(*(self._one(each, permits) for each in audio_files))
        results = [each for each in done if "error" not in each]
        errors = [each for each in done if "error" in each]
        return {
            "total": len(done),
            "successful": len(results),
            "failed": len(errors),
            "results": results,
            "errors": errors,
        }

    def generate_report(self, results: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
        """Genres and confidences of ``results``, or of analysis objects; zeros of none."""
        return genre_summary(each.get("result", each) for each in results)

    async def _one(self, file: Audio, permits: asyncio.Semaphore) -> dict[str, Any]:
        async with permits:
            try:
                analysis = await asyncio.to_thread(self._client.find_genre, file)
            except (AcousticSenseError, OSError) as error:
                known = {name: getattr(error, name, None) for name in ("code", "name")}
                return {"file": file, "error": str(error), **known}
        return {**analysis, "file": file, "result": analysis}
