"""Hostile files in a process of their own, where they may do their worst."""

import ctypes
import os
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import av
import av.logging
import numpy as np
import pytest

from audio.decode import decode
from audio.decoders import blocks
from audio.errors import AudioError, EmptyData
from tests.audio.corpus import LAWFUL, corpus
from tests.audio.fuzz import Child
from tests.audio.hostile_files import (
    alias_entry,
    film,
    in_mp4,
    m4a_that_refers_to,
    sound,
    url_entry,
    wav,
)
from tests.sounds import tones

CORPUS = list(corpus())
FINDINGS = sorted((Path(__file__).parent / "findings").glob("*.bin"))


@pytest.fixture(scope="module")
def child():
    """Decodes in 1 GiB of address space and 10 s, or it is a finding."""
    there = Child()
    yield there
    there.stop()


@pytest.mark.parametrize("hostile", CORPUS, ids=lambda hostile: hostile.name)
def test_a_hostile_file_gets_its_typed_error_or_a_lawful_result(hostile, child):
    names = {LAWFUL if says == LAWFUL else says.__name__ for says in hostile.says}
    assert child.decode(hostile.build()) in names


@pytest.mark.parametrize("finding", FINDINGS, ids=lambda path: path.stem)
def test_what_the_fuzz_once_found_stays_mended(finding, child):
    assert child.decode(finding.read_bytes()) in {LAWFUL, "IllegalData"}


def test_eight_hours_are_refused_in_a_fraction_of_the_time_that_they_take(child):
    (opus,) = (hostile for hostile in CORPUS if "eight hours" in hostile.name)
    data = opus.build()
    assert len(data) > 8 * 3600 * 6_000 / 8  # bytes: whole, not only declared
    started = time.monotonic()
    assert child.decode(data) == "ExceededDuration"
    assert time.monotonic() - started < 8


def test_a_reference_to_another_file_is_not_followed(tmp_path):
    """With FFmpeg's ``enable_drefs`` this decodes: the file at the other end is a good one."""
    song = tmp_path / "song.m4a"
    song.write_bytes(sound("m4a"))
    with pytest.raises(EmptyData):
        decode(m4a_that_refers_to(alias_entry(bytes(song))), 22_050)


@pytest.mark.parametrize("form", ["m4a", "alias", "playlist", "hls", "ffconcat", "sdp", "id3"])
def test_no_file_makes_the_decoder_call_an_address(form):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        url = b"http://127.0.0.1:%d/song.m4a" % server.getsockname()[1]
        data = {
            "m4a": m4a_that_refers_to(url_entry(url)),
            "alias": m4a_that_refers_to(alias_entry(url)),
            "playlist": url,
            "hls": b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n" + url + b"\n",
            "ffconcat": b"ffconcat version 1.0\nfile '" + url + b"'\n",
            "sdp": b"v=0\nc=IN IP4 127.0.0.1\nm=audio 9 RTP/AVP 0\n",
            "id3": b"ID3\x04\0\0\0\0\0\0" + url,
        }[form]
        with suppress(AudioError):
            decode(data, 22_050)
        with pytest.raises(TimeoutError):
            server.accept()


@pytest.mark.parametrize("codec", ["aac", "alac", "flac", "libopus"])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_what_m4a_files_hold_decodes_to_its_sound(codec, channels):
    samples = decode(in_mp4(codec, channels), 48_000)
    wanted = tones(0.4, 48_000, channels).mean(axis=1)
    spectra = [np.abs(np.fft.rfft(x[4_000:14_000])) for x in (samples, wanted)]
    # AAC's fourth channel of six carries the bass only.
    assert np.corrcoef(spectra)[0, 1] > (0.9 if (codec, channels) == ("aac", 6) else 0.99)


def test_a_thousand_channels_take_no_more_memory_than_eight():
    first = next(blocks(wav(bytes(2 * 1024 * 70_000), channels=1024)))
    assert first.samples.nbytes <= 8 * 65_536 * 4


def test_a_film_gives_its_sound_and_no_decoder_of_pictures_is_opened():
    av.logging.set_level(av.logging.ERROR)
    try:
        with av.logging.Capture() as logged:
            samples = decode(film(), 16_000)
    finally:
        av.logging.set_level(None)
    assert len(samples) / 16_000 == pytest.approx(1.0, abs=0.1)
    assert "Codec (mpeg4) not on whitelist" in "".join(message for _, _, message in logged)


def test_a_slice_of_the_fuzz_finds_nothing(tmp_path):
    """``make fuzz`` runs 10,000 cases; what these 300 find is kept in the test's folder."""
    started = time.monotonic()
    command = [sys.executable, "-m", "tests.audio.fuzz", "--cases", "300", "--seed", "300"]
    done = subprocess.run([*command, "--keep", tmp_path], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "300/300 cases" in done.stdout
    assert time.monotonic() - started < 60


def crash(_):
    ctypes.string_at(0)


def hang(_):
    time.sleep(60)


def swell(_):
    return np.ones(2**30)


def babble(_):
    os.write(2, b"x" * 2**21)
    return np.ones(10, np.float32)


def lie(_):
    return np.full(10, np.nan, np.float32)


@pytest.mark.parametrize(
    ("does", "words"),
    [
        (crash, "died with exit code -11"),
        (hang, "no answer within"),
        (swell, "MemoryError"),
        (babble, "printed 2097152 bytes"),
        (lie, "not all lawful"),
    ],
)
def test_the_fuzz_sees_a_decoder_that_misbehaves_and_goes_on(does, words):
    there = Child(does, seconds=2.0)
    try:
        for _ in range(2):
            outcome = there.decode(b"x")
            assert outcome.startswith("!") and words in outcome
    finally:
        there.stop()
