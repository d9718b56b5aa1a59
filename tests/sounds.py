"""Sounds for the tests, made here, and real encoders to put them into files."""

from __future__ import annotations

import io
from pathlib import Path

import av
import numpy as np
import soundfile
from numpy.typing import NDArray

Samples = NDArray[np.float32]

SHARED_SONGS = Path(__file__).parents[2] / "shared" / "data" / "songs"

_SUBTYPES = {
    "wav": ("WAV", "PCM_16"),
    "wav float": ("WAV", "FLOAT"),
    "flac": ("FLAC", "PCM_16"),
    "ogg": ("OGG", "VORBIS"),
    "opus": ("OGG", "OPUS"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
}
_AV_CONTAINERS = {"aac": "adts", "m4a": "ipod", "mp4": "mp4"}

FORMATS = [*_SUBTYPES, *_AV_CONTAINERS]


def tones(seconds: float, rate: int = 44_100, channels: int = 2) -> Samples:
    """A chord that swells, another in each channel: ``(n, channels)``."""
    time = np.arange(round(seconds * rate)) / rate
    swell = 0.5 + 0.4 * np.sin(2 * np.pi * 0.25 * time)
    columns = [
        swell * sum(np.sin(2 * np.pi * f * (1 + 0.5 * c) * time) for f in (220, 277.2, 329.6)) / 6
        for c in range(channels)
    ]
    return np.stack(columns, axis=1).astype(np.float32)


def encode(samples: Samples, form: str, rate: int = 44_100) -> bytes:
    """A whole file of one of :data:`FORMATS`."""
    if form in _AV_CONTAINERS:
        return _encode_aac(samples, _AV_CONTAINERS[form], rate)
    buffer = io.BytesIO()
    container, subtype = _SUBTYPES[form]
    with soundfile.SoundFile(
        buffer, "w", rate, samples.shape[1], format=container, subtype=subtype
    ) as file:
        # In blocks: libsndfile's Vorbis encoder keeps a whole write on its stack.
        for first in range(0, len(samples), 65_536):
            file.write(samples[first : first + 65_536])
    return buffer.getvalue()


def pcm16(samples: Samples) -> bytes:
    """Headerless 16-bit little-endian samples, channels interleaved."""
    return (samples * 32_767).astype("<i2").tobytes()


def _encode_aac(samples: Samples, container: str, rate: int) -> bytes:
    buffer = io.BytesIO()
    layout = "mono" if samples.shape[1] == 1 else "stereo"
    with av.open(buffer, "w", format=container) as file:
        stream = file.add_stream("aac", rate=rate)
        stream.layout = layout
        for first in range(0, len(samples), 1024):
            planes = np.ascontiguousarray(samples[first : first + 1024].T)
            frame = av.AudioFrame.from_ndarray(planes, format="fltp", layout=layout)
            frame.sample_rate, frame.pts = rate, first
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return buffer.getvalue()
