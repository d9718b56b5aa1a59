"""Audio files that somebody made to hurt, with what decoding must say of each."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from audio.errors import AudioError, EmptyData, ExceededDuration, IllegalData
from tests.audio import ogg
from tests.audio.hostile_files import (
    RATE,
    aac_of_channels,
    alias_entry,
    flac_of_silence,
    flac_with_header,
    id3,
    m4a_that_refers_to,
    ogg_with_video,
    opus_of_eight_hours,
    sound,
    url_entry,
    wav,
    with_field,
    zip_of_a_song,
)
from tests.sounds import encode, pcm16, tones

LAWFUL = "lawful"


@dataclass(frozen=True)
class Hostile:
    """A file that is built when asked for; ``says`` are the outcomes that are right."""

    name: str
    build: Callable[[], bytes]
    says: tuple[type[AudioError] | str, ...]


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
    yield Hostile("zip", zip_of_a_song, (IllegalData,))
    yield from _lying_wavs()
    yield from _forged_headers()
    yield from _forged_m4as()
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
        "rate 2**32 - 1": (lambda: wav(second, rate=most), (IllegalData,)),
        "rate 2**31 - 1": (lambda: wav(second, rate=0x7FFFFFFF), (IllegalData,)),
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
    yield Hostile("flac: rate 0", lambda: flac_with_header(0, 1, RATE), (IllegalData, LAWFUL))
    yield Hostile(
        "flac: rate 655,350 Hz", lambda: flac_with_header(655_350, 1, RATE), (IllegalData,)
    )
    yield Hostile(
        "flac: a header with eight channels over one",
        lambda: flac_with_header(RATE, 8, RATE),
        (IllegalData, LAWFUL),
    )
    yield Hostile(
        "flac: 2**36 - 1 frames promised",
        lambda: flac_with_header(RATE, 1, 2**36 - 1),
        (IllegalData,),
    )
    yield Hostile(
        "mp3: a Xing header of 2**32 - 1 frames",
        lambda: _xing(0xFFFFFFFF),
        (IllegalData, LAWFUL),
    )
    yield Hostile("mp3: a Xing header of no frames", lambda: _xing(0), (LAWFUL, IllegalData))
    for channels in (1, 8):
        yield Hostile(
            f"aac: {channels} channels, described in the stream",
            lambda channels=channels: aac_of_channels(channels),
            (LAWFUL,),
        )
    for channels in (9, 15):
        yield Hostile(
            f"aac: {channels} channels, described in the stream",
            lambda channels=channels: aac_of_channels(channels),
            (IllegalData,),
        )


def _forged_m4as() -> Iterator[Hostile]:
    for name, offset in (("stsz", 8), ("stts", 4), ("stsc", 4), ("stco", 4)):
        for value in (0, 0x7FFFFFFF, 0xFFFFFFFF):
            yield Hostile(
                f"m4a: {name} counts {value:#x}",
                lambda name=name, offset=offset, value=value: with_field(
                    "m4a", name.encode(), offset, struct.pack(">I", value)
                ),
                (IllegalData, EmptyData, LAWFUL),
            )
    yield Hostile(
        "m4a: time scale 0",
        lambda: with_field("m4a", b"mdhd", 12, bytes(4)),
        (IllegalData, LAWFUL, EmptyData),
    )
    yield Hostile(
        "m4a: a codec that nobody knows",
        lambda: sound("m4a").replace(b"mp4a", b"zzzz").replace(b"esds", b"zzzz"),
        (IllegalData,),
    )
    yield Hostile(
        "m4a: brands and titles that are no UTF-8",
        lambda: sound("m4a").replace(b"isom", b"\xe9som").replace(b"Lavf", b"\xe9\xff\xfe\xc3"),
        (LAWFUL,),
    )
    yield Hostile(
        "m4a: 65,535 channels in the sample entry",
        lambda: with_field("m4a", b"mp4a", 16, b"\xff\xff"),
        (IllegalData, LAWFUL),
    )


def _xing(frames: int) -> bytes:
    data = sound("mp3")
    name = b"Xing" if b"Xing" in data else b"Info"
    return with_field("mp3", name, 4, struct.pack(">I", frames))


def _too_long() -> Iterator[Hostile]:
    yield Hostile("eight hours of Opus at 6 kbit/s", opus_of_eight_hours, (ExceededDuration,))
    yield Hostile("a FLAC bomb of eight channels", lambda: flac_of_silence(6, 8), (IllegalData,))
    yield Hostile("a FLAC bomb of hours", lambda: flac_of_silence(60, 1), (ExceededDuration,))
    yield Hostile(
        "wav: hours of 8-bit samples at 4 kHz",
        lambda: wav(bytes(4_000 * 3_600), rate=4_000, bits=8),
        (ExceededDuration,),
    )


def _references() -> Iterator[Hostile]:
    for target in (b"file:///etc/passwd", b"/etc/passwd", _URL, b"concat:/etc/passwd|/etc/hosts"):
        for entry in (url_entry(target), alias_entry(target)):
            yield Hostile(
                f"m4a: samples at {entry[4:8].decode()} {target.decode()}",
                lambda entry=entry: m4a_that_refers_to(entry),
                # FFmpeg takes a URL for this same file, and leaves an alias unopened.
                (LAWFUL,) if entry[4:8] == b"url " else (EmptyData,),
            )


def _polyglots() -> Iterator[Hostile]:
    yield Hostile("an MP3 with a ZIP behind it", lambda: sound("mp3") + zip_of_a_song(), (LAWFUL,))
    yield Hostile(
        "a WAV with a page of HTML behind it",
        lambda: sound("wav") + b"<script>alert(1)</script>",
        (LAWFUL,),
    )
    yield Hostile("an MP3 behind 20 MB of picture", lambda: id3(20 << 20) + sound("mp3"), (LAWFUL,))
    yield Hostile("an ID3 tag and nothing else", lambda: id3(1 << 20), (IllegalData, EmptyData))
    yield Hostile(
        "an ID3 tag longer than the file",
        lambda: id3(1000, told=2**28 - 1) + sound("mp3"),
        (IllegalData, EmptyData),
    )
    yield Hostile(
        "a hundred ID3 tags", lambda: id3(100) * 100 + sound("mp3"), (IllegalData, LAWFUL)
    )
    yield Hostile("an Ogg with a video stream", ogg_with_video, (IllegalData, LAWFUL))
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
