"""``acousticsense cut``: the chorus that a real server found, as a file."""

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.client.collections_of_songs import acousticsense
from tests.sounds import encode, tones


@pytest.fixture(scope="module")
def song_wav(tmp_path_factory):
    from deploy.embedded.sample_song import SAMPLE_RATE, song

    file = tmp_path_factory.mktemp("wav") / "song.wav"
    soundfile.write(file, song(), SAMPLE_RATE, subtype="PCM_24")
    return file


def cut(song, to, gateway):
    return acousticsense("cut", song, "--chorus", "-o", to, "--url", gateway.url)


def test_the_clip_is_the_songs_own_samples_of_the_chorus(gateway, song_wav, tmp_path):
    to = tmp_path / "clip.wav"
    done = cut(song_wav, to, gateway)
    assert done.returncode == 0, done.stderr
    assert f"{to}: 0:26 to 0:43 of {song_wav}" in done.stdout
    clip, rate = soundfile.read(to)
    song, _ = soundfile.read(song_wav)
    assert 16 < len(clip) / rate < 19
    first = round(25.728 * rate)
    starts = [each for each in range(first - rate, first + rate) if (song[each] == clip[0]).all()]
    assert any(np.array_equal(song[each : each + len(clip)], clip) for each in starts)
    assert soundfile.info(to).subtype == "PCM_24"
    assert [each.name for each in tmp_path.iterdir()] == ["clip.wav"]


@pytest.mark.parametrize("ending", [".mp3", ".ogg", ".flac"])
def test_a_clip_may_have_another_form(gateway, song_file, tmp_path, ending):
    to = tmp_path / f"clip{ending}"
    done = cut(song_file, to, gateway)
    assert done.returncode == 0, done.stderr
    assert 16 < soundfile.info(to).duration < 19


def test_a_form_that_cannot_be_cut_is_told_before_the_server_is_asked(tmp_path):
    song = tmp_path / "song.m4a"
    song.write_bytes(encode(tones(1.0), "m4a"))
    done = acousticsense("cut", song, "-o", tmp_path / "x.wav", "--url", "http://127.0.0.1:1")
    assert done.returncode == 1
    assert "song.m4a cannot be cut here" in done.stderr
    assert "ffmpeg -i song.m4a song.flac" in done.stderr


def test_what_cannot_be_cut_is_said_and_nothing_is_written(gateway, clip, tmp_path):
    before = clip.read_bytes()
    bad = tmp_path / "clip.pdf"
    for song, to, status, words in (
        (clip, bad, 2, "ends with .wav"),
        (clip, clip, 2, "is the song itself"),
        (tmp_path / "gone.mp3", tmp_path / "x.wav", 2, "there is no such file"),
        (tmp_path, tmp_path / "x.wav", 2, "there is no such file"),
        (clip, tmp_path / "no" / "x.wav", 2, "there is no folder"),
    ):
        done = cut(song, to, gateway)
        assert done.returncode == status, done.stderr
        assert words in done.stderr and "Traceback" not in done.stderr
    assert [each.name for each in tmp_path.iterdir()] == [clip.name]
    assert clip.read_bytes() == before


def test_a_song_without_a_chorus_is_said_to_have_none(gateway, tmp_path):
    song = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.wav"))
    song.write_bytes(encode(tones(20.0), "wav"))
    done = cut(song, tmp_path / "clip.wav", gateway)
    assert done.returncode == 0, done.stderr
    assert "No chorus was found" in done.stderr
    assert soundfile.info(tmp_path / "clip.wav").duration > 1
    shown = acousticsense("analyze", song, "--chorus", "--url", gateway.url)
    assert "no chorus was found; the likeliest stretch is" in shown.stdout
