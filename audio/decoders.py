"""What the bytes are, and the decoder that turns them into blocks of samples.

libsndfile reads WAV, FLAC, Ogg and MP3 (its MP3 decoder is a third faster than FFmpeg's); FFmpeg,
through PyAV, reads AAC. Each is told the format that the content showed, reads from memory only,
and so is never led to another file or an address by a playlist or a reference.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import av
import av.error
import numpy as np
import soundfile
from av.audio.codeccontext import AudioCodecContext
from av.audio.plane import AudioPlane
from av.audio.stream import AudioStream
from av.container import InputContainer
from numpy.typing import NDArray

from audio.errors import IllegalData

_BLOCK_FRAMES = 65_536
_BLOCK_SAMPLES = 8 * _BLOCK_FRAMES  # of all channels, so that a forged thousand take no more
_SUPPORTED = "send WAV, FLAC, Ogg Vorbis, Opus, MP3, AAC or M4A"
_AV_CODECS = frozenset({"aac", "alac", "flac", "mp3", "mp3float", "opus"})  # what M4A files hold
_MOST_SAMPLES = {"max_samples": str(_BLOCK_SAMPLES)}  # of one frame, over all channels
# FFmpeg opens decoders by itself while it looks into a file: no others, not for a video either.
_AV_OPTIONS = {**_MOST_SAMPLES, "codec_whitelist": ",".join(sorted(_AV_CODECS))}
_AV_TYPES = {name: np.dtype(code) for name, code in (("s16", "i2"), ("s32", "i4"), ("flt", "f4"))}
_SNDFILE_FORMATS = frozenset({"FLAC", "MP3", "OGG", "RF64", "WAV", "WAVEX"})


@dataclass(frozen=True, slots=True)
class PcmFormat:
    """Headerless 16-bit little-endian samples, channels interleaved."""

    sample_rate: int
    channels: int

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, Any]) -> PcmFormat | None:
        """What a request's parameters ``pcm_sample_rate`` and ``pcm_channels`` say, if they do.

        Raises:
            IllegalData: one without the other, or no whole number.
        """
        given = [parameters.get(key) for key in ("pcm_sample_rate", "pcm_channels")]
        if given == [None, None]:
            return None
        try:
            sample_rate, channels = (int(value) for value in given if value is not None)
        except (OverflowError, ValueError):
            raise IllegalData("raw PCM needs its sampling rate and channels, both") from None
        return cls(sample_rate, channels)


@dataclass(frozen=True, slots=True)
class Block:
    """Decoded samples ``(frames, channels)`` float32, and what the file says of itself."""

    samples: NDArray[np.float32]
    sample_rate: int
    declared_frames: int | None = None


def blocks(data: bytes | memoryview, pcm: PcmFormat | None = None) -> Iterator[Block]:
    """Decode in blocks of at most some 65,536 frames.

    Raises:
        IllegalData: not audio that we read, or damaged.
    """
    if pcm is not None:
        return _pcm_blocks(data, pcm)
    container = sniff(data)
    if container in {"aac", "mp4"}:
        return _av_blocks(data, container)
    return _sndfile_blocks(data, container)


def sniff(data: bytes | memoryview) -> str:
    """Name the container by its first bytes: ``wav``, ``flac``, ``ogg``, ``mp3``, ``aac``, ``mp4``.

    Raises:
        IllegalData: none of these.
    """
    start = _after_id3(data)
    head = bytes(data[start : start + 12])
    if head[:4] in {b"RIFF", b"RF64", b"RIFX"} and head[8:12] == b"WAVE":
        return "wav"
    if head[4:8] == b"ftyp":
        return "mp4"
    for magic, container in ((b"fLaC", "flac"), (b"OggS", "ogg")):
        if head.startswith(magic):
            return container
    if len(head) >= 2 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0:
        layer = head[1] >> 1 & 3  # MPEG audio: 1 is layer III, 0 is what ADTS puts there
        if layer == 0 and head[1] & 0xF0 == 0xF0:
            return "aac"
        if layer == 1:
            return "mp3"
    if start:  # a tag belongs to an MP3 whose first frame lies behind padding
        return "mp3"
    raise IllegalData(f"not audio that is read here; {_SUPPORTED}")


def _after_id3(data: bytes | memoryview) -> int:
    """Offset behind an ID3v2 tag (its size is four bytes of seven bits), 0 without one."""
    head = bytes(data[:10])
    if len(head) < 10 or not head.startswith(b"ID3") or max(head[6:10]) > 0x7F:
        return 0
    size = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
    return 10 + size + (10 if head[5] & 0x10 else 0)


def _pcm_blocks(data: bytes | memoryview, pcm: PcmFormat) -> Iterator[Block]:
    if pcm.channels < 1 or pcm.sample_rate < 1:
        raise IllegalData("raw PCM needs a positive sampling rate and number of channels")
    width = 2 * pcm.channels
    if len(data) % width:
        raise IllegalData(
            f"{len(data)} bytes of 16-bit PCM are not whole frames of {pcm.channels} channels"
        )
    frames = len(data) // width
    for first in range(0, frames, _BLOCK_FRAMES):
        count = min(_BLOCK_FRAMES, frames - first)
        raw = np.frombuffer(data, dtype="<i2", count=count * pcm.channels, offset=first * width)
        samples = raw.astype(np.float32).reshape(count, pcm.channels) / np.float32(32_768)
        yield Block(samples, pcm.sample_rate, frames)


def _sndfile_blocks(data: bytes | memoryview, container: str) -> Iterator[Block]:
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            if file.format not in _SNDFILE_FORMATS:
                raise IllegalData(f"not audio that is read here; {_SUPPORTED}")
            declared = file.frames if 0 < file.frames < 2**62 else None
            frames = 0
            block = min(_BLOCK_FRAMES, _BLOCK_SAMPLES // file.channels)
            # A damaged file's position can leap behind its end, where read() raises ValueError.
            while file.tell() < file.frames:
                samples = file.read(block, dtype="float32", always_2d=True)
                if not len(samples):
                    break
                frames += len(samples)
                yield Block(samples, file.samplerate, declared)
    except (soundfile.SoundFileError, RuntimeError) as error:
        raise _damaged(container) from error
    if declared is not None and frames < 0.99 * declared:
        raise IllegalData(
            f"cut off: {frames / file.samplerate:.1f} s of {declared / file.samplerate:.1f} s "
            "can be decoded; send the whole file"
        )


def _av_blocks(data: bytes | memoryview, container: str) -> Iterator[Block]:
    try:
        with av.open(
            io.BytesIO(data),
            mode="r",
            format=container,
            options=_AV_OPTIONS,
            metadata_errors="replace",  # titles that are no UTF-8 are common, and nothing to us
        ) as file:
            stream = _sound_track(file)
            seconds = float((stream.duration or 0) * (stream.time_base or 0))
            for frame in _av_frames(file, stream):
                samples = _as_float(frame)
                yield Block(samples, frame.sample_rate, round(seconds * frame.sample_rate) or None)
    except av.error.FFmpegError as error:
        raise _damaged(container) from error


def _sound_track(file: InputContainer) -> AudioStream:
    """The first one; packets that unfold into too many samples are refused.

    Raises:
        IllegalData: no sound, or a codec that M4A files do not hold.
    """
    if not file.streams.audio:
        raise IllegalData("holds no sound track")
    stream = file.streams.audio[0]
    decoder: AudioCodecContext | None = stream.codec_context  # None where FFmpeg knows no decoder
    codec = decoder.name if decoder else "of the sound track"
    if decoder is None or codec not in _AV_CODECS:
        raise IllegalData(f"the codec {codec} is not supported; {_SUPPORTED}")
    decoder.options = _MOST_SAMPLES
    return stream


def _av_frames(file: InputContainer, stream: AudioStream) -> Iterator[av.AudioFrame]:
    """Every frame; a recording that stops inside its last packet is forgiven that packet."""
    failed: av.error.FFmpegError | None = None
    for packet in file.demux(stream):
        if failed is not None and packet.size:
            raise failed
        try:
            yield from stream.decode(packet)
        except av.error.InvalidDataError as error:
            failed = error


def _damaged(container: str) -> IllegalData:
    """The decoders' own words are about their insides (a pipe, a marker): not for the sender."""
    return IllegalData(
        f"cannot be decoded as {container}: the file is damaged, or its codec unknown; {_SUPPORTED}"
    )


def _as_float(frame: av.AudioFrame) -> NDArray[np.float32]:
    """``(frames, channels)`` float32 of FFmpeg's planar or interleaved samples.

    ``frame.to_ndarray()`` and ``frame.planes`` look for the planes' end in a list that has none
    when it is full: with eight channels they read wild pointers (docs/decisions/005).
    """
    dtype = _AV_TYPES.get(frame.format.packed.name)
    if dtype is None:
        raise IllegalData(f"its samples are of an unknown form; {_SUPPORTED}")
    channels = frame.layout.nb_channels
    planes, width = (channels, 1) if frame.format.is_planar else (1, channels)
    columns = [
        np.frombuffer(memoryview(AudioPlane(frame, plane)), dtype, frame.samples * width)
        for plane in range(planes)
    ]
    by_frame = np.stack(columns, axis=1).reshape(-1, channels)
    scale = 2.0 ** (8 * dtype.itemsize - 1) if dtype.kind == "i" else 1.0
    return np.asarray(by_frame / scale, dtype=np.float32)
