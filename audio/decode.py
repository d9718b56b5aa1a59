"""Bytes to mono samples at a wanted rate, inside limits that are counted while decoding.

What a header declares is never believed: a forged one would have us allocate gigabytes. Every
block that a decoder hands out is counted, mixed down and resampled at once, so that memory holds
the result and one block.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import soxr
from numpy.typing import NDArray

from audio.decoders import Block, PcmFormat, blocks
from audio.errors import EmptyData, ExceededDuration, IllegalData

Float32 = NDArray[np.float32]

_LOUDEST = 1e6  # float files scaled as integers exist (±32768); beyond this it is not audio


@dataclass(frozen=True, slots=True)
class Limits:
    """How much audio is decoded before it is refused.

    Attributes:
        seconds: longest duration.
        decoded_bytes: most bytes of decoded float32 samples, all channels counted.
        channels: most channels.
        lowest_rate: least sampling rate, Hz.
        highest_rate: greatest sampling rate, Hz.
    """

    seconds: float = 600.0
    decoded_bytes: int = 256 * 2**20
    channels: int = 8
    lowest_rate: int = 4_000
    highest_rate: int = 192_000


def decode(
    data: bytes | memoryview,
    sample_rate: int,
    *,
    pcm: PcmFormat | None = None,
    limits: Limits | None = None,
) -> Float32:
    """Decode WAV, FLAC, Ogg (Vorbis, Opus, FLAC), MP3, AAC, M4A, or raw PCM where ``pcm`` is given.

    The content decides what the bytes are, never a name. Channels are averaged before resampling
    (soxr, high quality), which halves its cost.

    Args:
        data: one whole audio file.
        sample_rate: Hz wanted.
        pcm: the form of headerless 16-bit little-endian samples; the bytes are then not looked at.
        limits: bounds to hold, the defaults where ``None``.

    Returns:
        ``(n,)`` mono samples at ``sample_rate``, nominally within ±1; at least one sample.

    Raises:
        EmptyData: no bytes, or no samples in them.
        IllegalData: not audio, unsupported, damaged, or over a limit other than the duration.
        ExceededDuration: longer than ``limits.seconds``.
    """
    if len(data) == 0:
        raise EmptyData("no audio was sent")
    counted = _counted(blocks(data, pcm), limits or Limits())
    samples = _resampled(counted, sample_rate)
    if len(samples) == 0:
        raise EmptyData("the file holds no samples")
    return samples


def _counted(decoded: Iterable[Block], limits: Limits) -> Iterator[tuple[Float32, int]]:
    """Mono blocks and their rate, refused as soon as a limit is passed."""
    frames = size = 0
    rate: int | None = None
    for block in decoded:
        if rate is None:
            rate = block.sample_rate
            _check_form(block, limits)
        if block.sample_rate != rate or block.samples.shape[1] > limits.channels:
            raise IllegalData("the sampling rate or the channels change inside the file")
        frames += len(block.samples)
        size += block.samples.nbytes
        if frames > limits.seconds * rate:
            raise ExceededDuration(max(frames, block.declared_frames or 0) / rate, limits.seconds)
        if size > limits.decoded_bytes:
            raise IllegalData(
                f"decodes to more than {limits.decoded_bytes // 2**20} MiB; "
                "send it with a lower sampling rate or fewer channels"
            )
        with np.errstate(invalid="ignore"):  # infinities that cancel: refused just below
            mono = _mixed_down(block.samples)
        peak = float(np.abs(mono).max(initial=0.0))
        if not peak <= _LOUDEST:  # NaN compares false
            raise IllegalData("holds samples that are not numbers or far out of range")
        yield mono, rate


def _check_form(block: Block, limits: Limits) -> None:
    channels = block.samples.shape[1]
    if not 1 <= channels <= limits.channels:
        raise IllegalData(f"{channels} channels, the limit is {limits.channels}; mix it down")
    if not limits.lowest_rate <= block.sample_rate <= limits.highest_rate:
        raise IllegalData(
            f"a sampling rate of {block.sample_rate} Hz, lawful are "
            f"{limits.lowest_rate} to {limits.highest_rate} Hz"
        )


def _mixed_down(samples: Float32) -> Float32:
    channels = samples.shape[1]
    if channels == 1:
        return samples[:, 0]
    if channels == 2:  # four times faster than mean() along the short axis
        return np.asarray((samples[:, 0] + samples[:, 1]) * np.float32(0.5))
    return np.asarray(samples.mean(axis=1), dtype=np.float32)


def _resampled(mono: Iterable[tuple[Float32, int]], sample_rate: int) -> Float32:
    chunks: list[Float32] = []
    stream: soxr.ResampleStream | None = None
    for samples, rate in mono:
        if rate == sample_rate:
            chunks.append(samples)
            continue
        if stream is None:
            stream = soxr.ResampleStream(rate, sample_rate, 1, dtype="float32")
        chunks.append(stream.resample_chunk(np.ascontiguousarray(samples)))
    if stream is not None:
        chunks.append(stream.resample_chunk(np.empty(0, dtype=np.float32), last=True))
    return np.concatenate(chunks) if chunks else np.empty(0, dtype=np.float32)
