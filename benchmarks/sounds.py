"""What is sent: pieces of the project's own tune, as MP3 files."""

from __future__ import annotations

import io

import numpy as np
import soundfile

from deploy.embedded.sample_song import SAMPLE_RATE, song


def mp3(seconds: float, start: float = 0.0) -> bytes:
    """The tune from ``start``, repeated as often as it takes."""
    whole = song()
    first = round(start * SAMPLE_RATE)
    samples = np.take(whole, range(first, first + round(seconds * SAMPLE_RATE)), 0, mode="wrap")
    buffer = io.BytesIO()
    with soundfile.SoundFile(buffer, "w", SAMPLE_RATE, 2, format="MP3") as file:
        file.write(samples)
    return buffer.getvalue()


def clips(count: int) -> list[bytes]:
    """Different 30-second clips."""
    return [mp3(30.0, start=7.0 * index) for index in range(count)]
