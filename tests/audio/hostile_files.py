"""How to build audio files that lie: each builder writes what no encoder would."""

from __future__ import annotations

import io
import struct
import zipfile
from functools import cache

import av
import numpy as np
import soundfile

from tests.audio import ogg
from tests.sounds import encode, tones

RATE = 16_000


def wav(
    samples: bytes,
    *,
    channels: int = 1,
    rate: int = RATE,
    bits: int = 16,
    tag: int = 1,
    riff_size: int | None = None,
    data_size: int | None = None,
    align: int | None = None,
) -> bytes:
    """A WAV file in which any field of the header may lie."""
    align = channels * bits // 8 if align is None else align
    riff_size = 36 + len(samples) if riff_size is None else riff_size
    data_size = len(samples) if data_size is None else data_size
    form = (tag, channels & 0xFFFF, rate, rate * align & 0xFFFFFFFF, align & 0xFFFF, bits)
    return (
        struct.pack("<4sI4s4sI", b"RIFF", riff_size, b"WAVE", b"fmt ", 16)
        + struct.pack("<HHIIHH", *form)
        + struct.pack("<4sI", b"data", data_size)
        + samples
    )


def id3(size: int, told: int | None = None) -> bytes:
    """An ID3v2 tag whose picture takes ``size`` bytes, whatever is ``told`` of it."""
    told = size if told is None else told
    return b"ID3\x04\0\0" + bytes(told >> shift & 0x7F for shift in (21, 14, 7, 0)) + bytes(size)


@cache
def sound(form: str, seconds: float = 1.0) -> bytes:
    rate = 48_000 if form == "opus" else RATE
    data = encode(tones(seconds, rate, 1), form, rate)
    return ogg.with_serial(data) if data.startswith(b"OggS") else data


@cache
def in_mp4(codec: str, channels: int = 1) -> bytes:
    """What M4A files hold besides AAC of one or two channels."""
    form = {"alac": "s16p", "flac": "s16", "libopus": "flt", "aac": "fltp"}[codec]
    layout, rate = {1: "mono", 2: "stereo", 6: "5.1"}[channels], 48_000
    samples = tones(0.4, rate, channels)
    if form.startswith("s16"):
        samples = (samples * 32_767).astype(np.int16)  # type: ignore[assignment]
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as file:
        stream = file.add_stream(codec, rate=rate)
        stream.layout = layout
        size = stream.codec_context.frame_size or 4096
        for first in range(0, len(samples) - size, size):
            part = samples[first : first + size]
            part = part.T if form.endswith("p") else part.reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(
                np.ascontiguousarray(part), format=form, layout=layout
            )
            frame.sample_rate, frame.pts = rate, first
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return buffer.getvalue()


@cache
def film() -> bytes:
    """An MP4 of moving pictures and one second of sound."""
    sound_of_it = tones(1.0, RATE, 1)
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as file:
        video, audio = file.add_stream("mpeg4", rate=10), file.add_stream("aac", rate=RATE)
        video.width = video.height = 64
        video.pix_fmt, audio.layout = "yuv420p", "mono"
        for shade in range(10):
            picture = np.full((64, 64, 3), shade * 20, np.uint8)
            file.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        for first in range(0, len(sound_of_it) - 1024, 1024):
            planes = np.ascontiguousarray(sound_of_it[first : first + 1024].T)
            frame = av.AudioFrame.from_ndarray(planes, format="fltp", layout="mono")
            frame.sample_rate, frame.pts = RATE, first
            file.mux(audio.encode(frame))
        file.mux(video.encode(None))
        file.mux(audio.encode(None))
    return buffer.getvalue()


@cache
def in_wav(subtype: str) -> bytes:
    """The codecs that WAV files hold besides PCM."""
    buffer = io.BytesIO()
    soundfile.write(buffer, tones(0.4, RATE, 1), RATE, format="WAV", subtype=subtype)
    return buffer.getvalue()


def aac_of_channels(channels: int, frames: int = 16) -> bytes:
    """Silent ADTS whose frames each describe their own layout (ISO 14496-3, 4.4.1.1).

    Behind the eighth channel PyAV used to read wild pointers.
    """
    layout = (
        "101" + "0000" + "01" + "1000" + f"{channels:04b}" + "0000" * 2 + "00" + "000" + "0" * 7
    )
    layout += "".join(f"0{element:04b}" for element in range(channels))
    layout += "0" * (-len(layout) % 8) + "0" * 8  # aligned, and no comment
    silence = "01100100" + "0" * 14  # a gain, one long window, nothing in it
    bits = layout + "".join(f"000{element:04b}{silence}" for element in range(channels)) + "111"
    bits += "0" * (-len(bits) % 8)
    body = int(bits, 2).to_bytes(len(bits) // 8, "big")
    head = 0xFFF << 44 | 1 << 40 | 1 << 38 | 8 << 34 | (7 + len(body)) << 13 | 0x7FF << 2
    return (head.to_bytes(7, "big") + body) * frames


@cache
def opus_of_eight_hours() -> bytes:
    """Some 20 MB at 6 kbit/s, the lowest that Opus goes."""
    buffer = io.BytesIO()
    with soundfile.SoundFile(
        buffer, "w", 48_000, 1, format="OGG", subtype="OPUS", compression_level=1.0
    ) as file:
        file.write(tones(60.0, 48_000, 1))
    return ogg.repeated(buffer.getvalue(), 8 * 60)


@cache
def flac_of_silence(minutes: int, channels: int) -> bytes:
    """Silence packs three hundredfold."""
    buffer = io.BytesIO()
    silence = np.zeros((48_000, channels), np.int16)
    with soundfile.SoundFile(
        buffer, "w", 48_000, channels, format="FLAC", subtype="PCM_16", compression_level=0
    ) as file:
        for _ in range(minutes * 60):
            file.write(silence)
    return buffer.getvalue()


def url_entry(target: bytes) -> bytes:
    return struct.pack(">I4sI", 12 + len(target) + 1, b"url ", 0) + target + b"\0"


def alias_entry(target: bytes) -> bytes:
    """QuickTime's alias record, the reference that FFmpeg knows how to follow."""
    names = bytes(10) + b"\x01d" + bytes(26) + bytes(12) + b"\x01f" + bytes(62)
    path = struct.pack(">HH", 2, len(target)) + target + bytes(len(target) % 2)
    body = names + bytes(16) + struct.pack(">HH", 0, 0) + bytes(16) + path + b"\xff\xff\0\0"
    return struct.pack(">I4sI", 12 + len(body), b"alis", 0) + body


def m4a_that_refers_to(entry: bytes) -> bytes:
    """An M4A whose samples lie elsewhere: its data reference names a file or an address."""
    data = sound("m4a")
    at = data.index(b"url \0\0\0\x01") - 4
    grown = len(entry) - 12
    changed = bytearray(data[:at] + entry + data[at + 12 :])
    for box in (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref"):
        start = changed.index(box) - 4
        (size,) = struct.unpack_from(">I", changed, start)
        struct.pack_into(">I", changed, start, size + grown)
    return bytes(changed)


def with_field(form: str, name: bytes, offset: int, packed: bytes) -> bytes:
    """A file with some bytes changed, counted from the end of a box's or chunk's name."""
    data = bytearray(sound(form))
    at = data.index(name) + len(name) + offset
    data[at : at + len(packed)] = packed
    return bytes(data)


def flac_with_header(rate: int, channels: int, frames: int) -> bytes:
    """STREAMINFO forged: 20 bits of rate, 3 of channels, 5 of width, 36 of length."""
    data = bytearray(sound("flac"))
    bits = rate << 44 | (channels - 1) << 41 | 15 << 36 | frames
    data[18:26] = struct.pack(">Q", bits)
    return bytes(data)


def zip_of_a_song() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("song.mp3", sound("mp3"))
    return buffer.getvalue()


def ogg_with_video() -> bytes:
    theora = ogg.Page(2, 0, 77, 0, b"\x2a", b"\x80theora\x03\x02\x01" + bytes(32))
    return theora.packed() + sound("ogg")
