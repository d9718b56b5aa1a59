"""Audio files that somebody made to hurt, each built here, with what decoding must say of it."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import soundfile

from audio.errors import AudioError, EmptyData, ExceededDuration, IllegalData
from tests.audio import ogg
from tests.sounds import encode, pcm16, tones

LAWFUL = "lawful"
RATE = 16_000


@dataclass(frozen=True)
class Hostile:
    """A file that is built when asked for; ``says`` are the outcomes that are right."""

    name: str
    build: Callable[[], bytes]
    says: tuple[type[AudioError] | str, ...]


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


def id3(size: int) -> bytes:
    """An ID3v2 tag whose picture takes ``size`` bytes."""
    return b"ID3\x04\0\0" + bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0)) + b"\0" * size


@cache
def sound(form: str, seconds: float = 1.0) -> bytes:
    rate = 48_000 if form == "opus" else RATE
    data = encode(tones(seconds, rate, 1), form, rate)
    return ogg.with_serial(data) if data.startswith(b"OggS") else data


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
def flac_of_hours(hours: float = 2.0, channels: int = 8) -> bytes:
    """Silence packs a thousandfold: hours of eight channels in a few hundred kilobytes."""
    buffer = io.BytesIO()
    silence = np.zeros((48_000, channels), np.int16)
    with soundfile.SoundFile(
        buffer, "w", 48_000, channels, format="FLAC", subtype="PCM_16", compression_level=0
    ) as file:
        for _ in range(round(hours * 3600)):
            file.write(silence)
    return buffer.getvalue()


def m4a_that_refers_to(url: bytes) -> bytes:
    """An M4A whose samples lie elsewhere: its data reference names a file or an address."""
    data = sound("m4a")
    at = data.index(b"url \0\0\0\x01") - 4
    entry = struct.pack(">I4sI", 12 + len(url) + 1, b"url ", 0) + url + b"\0"
    grown = len(entry) - 12
    changed = bytearray(data[:at] + entry + data[at + 12 :])
    for box in (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref"):
        start = changed.index(box) - 4
        (size,) = struct.unpack_from(">I", changed, start)
        struct.pack_into(">I", changed, start, size + grown)
    return bytes(changed)


def _with_field(form: str, name: bytes, offset: int, packed: bytes) -> bytes:
    """A file with some bytes changed, counted from the end of a box's or chunk's name."""
    data = bytearray(sound(form))
    at = data.index(name) + len(name) + offset
    data[at : at + len(packed)] = packed
    return bytes(data)


def _flac_header(rate: int, channels: int, frames: int) -> bytes:
    """STREAMINFO forged: 20 bits of rate, 3 of channels, 5 of width, 36 of length."""
    data = bytearray(sound("flac"))
    bits = rate << 44 | (channels - 1) << 41 | 15 << 36 | frames
    data[18:26] = struct.pack(">Q", bits)
    return bytes(data)


def _zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("song.mp3", sound("mp3"))
    return buffer.getvalue()


def _ogg_with_video() -> bytes:
    theora = ogg.Page(2, 0, 77, 0, b"\x2a", b"\x80theora\x03\x02\x01" + bytes(32))
    return theora.packed() + sound("ogg")


_URL = b"http://127.0.0.1:9/internal"
_PLAYLISTS = {
    "m3u": b"#EXTM3U\n#EXTINF:1,x\n" + _URL + b"\nfile:///etc/passwd\n",
    "hls": b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n" + _URL + b".ts\n#EXT-X-ENDLIST\n",
    "dash": b'<?xml version="1.0"?><MPD><BaseURL>' + _URL + b"</BaseURL></MPD>",
    "ffconcat": b"ffconcat version 1.0\nfile '/etc/passwd'\n",
    "xspf": b'<?xml version="1.0"?><playlist><track><location>' + _URL + b"</location></track>",
    "pls": b"[playlist]\nFile1=" + _URL + b"\n",
    "sdp": b"v=0\nc=IN IP4 127.0.0.1\nm=audio 9 RTP/AVP 0\n",
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
    "html": b"<!doctype html><script>fetch('/')</script>",
    "xml bomb": b'<!DOCTYPE a [<!ENTITY b "cc"><!ENTITY d "&b;&b;">]><a>&d;</a>',
    "pdf": b"%PDF-1.7\n1 0 obj<<>>endobj\n",
    "elf": b"\x7fELF\x02\x01\x01" + bytes(100),
    "png": b"\x89PNG\r\n\x1a\n" + bytes(100),
    "matroska": b"\x1aE\xdf\xa3" + bytes(100),
    "avi": b"RIFF\x64\0\0\0AVI LIST" + bytes(100),
    "midi": b"MThd\0\0\0\x06\0\0\0\x01\0\x60" + bytes(100),
    "aiff": b"FORM\0\0\0\x64AIFFCOMM" + bytes(100),
    "au": b".snd\0\0\0\x18\0\0\0\x64\0\0\0\x03\0\0\x3e\x80\0\0\0\x01" + bytes(100),
    "gzip": b"\x1f\x8b\x08" + bytes(100),
}


def corpus() -> Iterator[Hostile]:
    """Every file of it; nothing is built before it is asked for."""
    for name, data in _PLAYLISTS.items():
        yield Hostile(f"{name} named song.mp3", lambda data=data: data, (IllegalData,))
        yield Hostile(
            f"{name} behind an ID3 tag", lambda data=data: id3(64) + data, (IllegalData, EmptyData)
        )
    yield Hostile("zip", _zip, (IllegalData,))
    yield from _lying_wavs()
    yield from _forged_headers()
    yield from _too_long()
    yield from _references()
    yield from _polyglots()
    yield from _cut_off()


def _lying_wavs() -> Iterator[Hostile]:
    second = pcm16(tones(1.0, RATE, 1))
    most = 0xFFFFFFFF
    lies: dict[str, tuple[Callable[[], bytes], tuple[type[AudioError] | str, ...]]] = {
        "data size 0xFFFFFFFF": (lambda: wav(second, data_size=most), (LAWFUL,)),
        "both sizes 0xFFFFFFFF": (
            lambda: wav(second, data_size=most, riff_size=most),
            (LAWFUL, IllegalData),
        ),
        "data size 0x7FFFFFFF": (lambda: wav(second, data_size=0x7FFFFFFF), (LAWFUL,)),
        "data size 0": (lambda: wav(second, data_size=0), (LAWFUL, EmptyData, IllegalData)),
        "no samples": (lambda: wav(b""), (EmptyData,)),
        "one byte": (lambda: wav(b"\1"), (EmptyData, IllegalData)),
        "rate 0": (lambda: wav(second, rate=0), (IllegalData,)),
        "rate 1 Hz": (lambda: wav(second, rate=1), (IllegalData,)),
        "rate 2**32 − 1": (lambda: wav(second, rate=most), (IllegalData,)),
        "rate 2**31 − 1": (lambda: wav(second, rate=0x7FFFFFFF), (IllegalData,)),
        "no channels": (lambda: wav(second, channels=0), (IllegalData,)),
        "1,024 channels": (lambda: wav(second * 64, channels=1024), (IllegalData,)),
        "65,535 channels": (lambda: wav(second, channels=0xFFFF), (IllegalData,)),
        "0 bits": (lambda: wav(second, bits=0), (IllegalData, LAWFUL)),
        "a block align of 0": (lambda: wav(second, align=0), (IllegalData, LAWFUL, EmptyData)),
        "a block align of 65,535": (lambda: wav(second, align=0xFFFF), (IllegalData, LAWFUL)),
        "a riff size of 0": (lambda: wav(second, riff_size=0), (LAWFUL, IllegalData)),
    }
    for name, (build, says) in lies.items():
        yield Hostile(f"wav: {name}", build, says)
    # 2 is Microsoft's ADPCM, 0x11 IMA's, 0x31 GSM, 0x40 G.721, 0x55 MP3 and so on.
    for tag in (0, 2, 3, 6, 7, 0x11, 0x20, 0x31, 0x40, 0x45, 0x50, 0x55, 0x161, 0xFFFE, 0xFFFF):
        yield Hostile(
            f"wav: codec {tag:#x} over PCM samples",
            lambda tag=tag: wav(second, tag=tag, bits=4 if tag in {2, 0x11} else 16),
            (IllegalData, LAWFUL, EmptyData),
        )


def _forged_headers() -> Iterator[Hostile]:
    yield Hostile("flac: rate 0", lambda: _flac_header(0, 1, RATE), (IllegalData, LAWFUL))
    yield Hostile("flac: rate 655,350 Hz", lambda: _flac_header(655_350, 1, RATE), (IllegalData,))
    yield Hostile(
        "flac: a header with eight channels over one", lambda: _flac_header(RATE, 8, RATE),
        (IllegalData, LAWFUL),
    )  # fmt: skip
    yield Hostile(
        "flac: 2**36 − 1 frames promised", lambda: _flac_header(RATE, 1, 2**36 - 1), (IllegalData,)
    )
    yield Hostile(
        "mp3: a Xing header of 2**32 − 1 frames",
        lambda: _xing(0xFFFFFFFF),
        (IllegalData, LAWFUL),
    )
    yield Hostile("mp3: a Xing header of no frames", lambda: _xing(0), (LAWFUL, IllegalData))
    for name, offset in (("stsz", 8), ("stts", 4), ("stsc", 4), ("stco", 4)):
        for value in (0, 0x7FFFFFFF, 0xFFFFFFFF):
            yield Hostile(
                f"m4a: {name} counts {value:#x}",
                lambda name=name, offset=offset, value=value: _with_field(
                    "m4a", name.encode(), offset, struct.pack(">I", value)
                ),
                (IllegalData, EmptyData, LAWFUL),
            )
    yield Hostile(
        "m4a: time scale 0",
        lambda: _with_field("m4a", b"mdhd", 12, bytes(4)),
        (IllegalData, LAWFUL, EmptyData),
    )
    yield Hostile(
        "m4a: 65,535 channels in the sample entry",
        lambda: _with_field("m4a", b"mp4a", 16, b"\xff\xff"),
        (IllegalData, LAWFUL),
    )


def _xing(frames: int) -> bytes:
    data = sound("mp3")
    name = b"Xing" if b"Xing" in data else b"Info"
    return _with_field("mp3", name, 4, struct.pack(">I", frames))


def _too_long() -> Iterator[Hostile]:
    yield Hostile("eight hours of Opus at 6 kbit/s", opus_of_eight_hours, (ExceededDuration,))
    yield Hostile("a FLAC bomb: hours of eight channels", flac_of_hours, (IllegalData,))
    yield Hostile(
        "a FLAC bomb: hours of one channel", lambda: flac_of_hours(2.0, 1), (ExceededDuration,)
    )
    yield Hostile(
        "wav: hours of 8-bit samples at 4 kHz",
        lambda: wav(bytes(4_000 * 3_600), rate=4_000, bits=8),
        (ExceededDuration,),
    )


def _references() -> Iterator[Hostile]:
    for url in (b"file:///etc/passwd", b"/etc/passwd", _URL, b"concat:/etc/passwd|/etc/hosts"):
        yield Hostile(
            f"m4a: samples at {url.decode()}",
            lambda url=url: m4a_that_refers_to(url),
            (IllegalData, EmptyData, LAWFUL),
        )


def _polyglots() -> Iterator[Hostile]:
    yield Hostile("an MP3 with a ZIP behind it", lambda: sound("mp3") + _zip(), (LAWFUL,))
    yield Hostile(
        "a WAV with a page of HTML behind it",
        lambda: sound("wav") + b"<script>alert(1)</script>",
        (LAWFUL,),
    )
    yield Hostile("an MP3 behind 20 MB of picture", lambda: id3(20 << 20) + sound("mp3"), (LAWFUL,))
    yield Hostile("an ID3 tag and nothing else", lambda: id3(1 << 20), (IllegalData, EmptyData))
    yield Hostile(
        "an ID3 tag longer than the file",
        lambda: id3(2**28 - 1 & 0x0FFFFFFF)[:1000] + sound("mp3"),
        (IllegalData, EmptyData),
    )
    yield Hostile(
        "a hundred ID3 tags", lambda: id3(100) * 100 + sound("mp3"), (IllegalData, LAWFUL)
    )
    yield Hostile("an Ogg with a video stream", _ogg_with_video, (IllegalData, LAWFUL))
    yield Hostile("Ogg pages with nothing in them", _empty_pages, (IllegalData, EmptyData))
    yield Hostile(
        "20 MB that only look like ADTS", lambda: b"\xff\xf1\x50\x80" * (5 << 20), (IllegalData,)
    )
    yield Hostile("20 MB that only look like MP3", lambda: b"\xff\xfb" * (10 << 20), (IllegalData,))
    yield Hostile(
        "an MP3 in which 20 MB are zeros",
        lambda: sound("mp3")[:2000] + bytes(20 << 20) + sound("mp3"),
        (IllegalData, LAWFUL),
    )
    yield Hostile(
        "a chain of Ogg streams at two rates",
        lambda: sound("ogg") + ogg.with_serial(encode(tones(1.0, 44_100), "ogg"), 2),
        (IllegalData, LAWFUL),
    )


def _empty_pages() -> bytes:
    head, *rest = ogg.pages(sound("opus"))
    empty = (ogg.Page(0, 0, head.serial, number, b"", b"") for number in range(2, 50_000))
    return head.packed() + rest[0].packed() + b"".join(page.packed() for page in empty)


def _cut_off() -> Iterator[Hostile]:
    for form in ("wav", "flac", "ogg", "opus", "mp3", "aac", "m4a"):
        for kept in (4, 12, 40, 200):
            yield Hostile(
                f"{form}: only the first {kept} bytes",
                lambda form=form, kept=kept: sound(form)[:kept],
                (IllegalData, EmptyData, LAWFUL),
            )
