import io
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from audio.decode import Limits, decode
from audio.decoders import PcmFormat, sniff
from audio.errors import AudioError, EmptyData, ExceededDuration, IllegalData
from tests.sounds import FORMATS, encode, pcm16, tones


def rate_of(form):
    return 48_000 if form == "opus" else 44_100


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("wanted", [16_000, 22_050])
def test_every_format_decodes_to_the_same_sound(form, wanted):
    rate = rate_of(form)
    sound = tones(3.0, rate)
    samples = decode(encode(sound, form, rate), wanted)
    assert samples.dtype == np.float32
    assert len(samples) / wanted == pytest.approx(3.0, abs=0.06)  # codecs pad
    # The spectrum tells the sound, whatever the codec did to its phase and edges.
    reference = decode(encode(sound, "wav float", rate), wanted)
    middle = slice(wanted // 2, wanted * 5 // 2)
    spectra = [np.abs(np.fft.rfft(x[middle])) for x in (samples, reference)]
    assert np.corrcoef(spectra)[0, 1] > 0.99


def test_raw_pcm_decodes_to_its_samples():
    sound = tones(1.0, 16_000, channels=2)
    samples = decode(pcm16(sound), 16_000, pcm=PcmFormat(16_000, 2))
    np.testing.assert_allclose(samples, sound.mean(axis=1), atol=1e-4)


def test_channels_are_averaged_before_resampling():
    left = tones(1.0, 44_100, channels=1)
    opposed = np.concatenate([left, -left], axis=1)
    assert np.abs(decode(encode(opposed, "wav float"), 22_050)).max() < 1e-6


@pytest.mark.parametrize("form", ["wav", "flac", "mp3"])
def test_a_name_does_not_decide_only_the_content_does(form):
    assert sniff(encode(tones(0.5), form)) == form


def test_an_mp3_behind_an_id3_tag_is_an_mp3():
    picture = b"\0" * 300_000
    size = len(picture)
    tag = b"ID3\x04\0\0" + bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0)) + picture
    samples = decode(tag + encode(tones(2.0), "mp3"), 22_050)
    assert len(samples) / 22_050 == pytest.approx(2.0, abs=0.1)


def test_nothing_is_EmptyData():
    with pytest.raises(EmptyData):
        decode(b"", 22_050)


@pytest.mark.parametrize("form", ["wav", "flac"])
def test_a_file_without_samples_is_EmptyData(form):
    with pytest.raises(EmptyData):
        decode(encode(np.zeros((0, 2), np.float32), form), 22_050)


@pytest.mark.parametrize(
    "data", [b"hello", b"#EXTM3U\nhttp://example.com/a.mp3\n", b"\x89PNG\r\n\x1a\n", b"\0" * 1000]
)
def test_what_is_not_audio_is_IllegalData_and_says_what_to_send(data):
    with pytest.raises(IllegalData, match=r"^IllegalData: not audio .* send WAV, FLAC"):
        decode(data, 22_050)


@pytest.mark.parametrize("form", ["mp3", "flac", "m4a"])
def test_a_truncated_file_that_knows_its_length_is_IllegalData(form):
    data = encode(tones(10.0), form)
    with pytest.raises(IllegalData):
        decode(data[: len(data) // 2], 22_050)


@pytest.mark.parametrize("form", ["wav", "ogg", "aac"])
def test_a_recording_that_was_broken_off_is_heard_as_far_as_it_goes(form):
    data = encode(tones(10.0), form)
    assert 3.0 < len(decode(data[: len(data) // 2], 22_050)) / 22_050 < 6.0


def test_ten_minutes_are_the_limit_and_the_error_says_what_was_found():
    silence = np.zeros((8_000 * 601, 1), np.float32)
    with pytest.raises(ExceededDuration) as caught:
        decode(encode(silence, "flac", 8_000), 16_000)
    assert str(caught.value) == "ExceededDuration: 601.0 s, the limit is 600 s"
    assert caught.value.seconds == pytest.approx(601.0)
    assert len(decode(encode(silence[: 8_000 * 600], "flac", 8_000), 16_000)) == 600 * 16_000


def test_a_forged_length_is_not_believed():
    sound = bytearray(encode(tones(1.0), "wav"))
    at = sound.index(b"data") + 4
    sound[at : at + 4] = struct.pack("<I", 0xFFFFFFFF)
    assert len(decode(bytes(sound), 22_050)) / 22_050 == pytest.approx(1.0, abs=0.01)


def test_the_size_is_counted_while_decoding():
    silence = np.zeros((44_100 * 30, 8), np.float32)
    data = encode(silence, "flac")
    assert len(data) < 200_000
    with pytest.raises(IllegalData, match="more than 8 MiB"):
        decode(data, 22_050, limits=Limits(decoded_bytes=8 * 2**20))


@pytest.mark.parametrize(("rate", "channels"), [(2_000, 1), (250_000, 1), (44_100, 9)])
def test_rates_and_channels_out_of_range_are_IllegalData(rate, channels):
    buffer = io.BytesIO()
    soundfile.write(buffer, np.zeros((1_000, channels)), rate, format="WAV", subtype="PCM_16")
    with pytest.raises(IllegalData, match=r"sampling rate|channels"):
        decode(buffer.getvalue(), 22_050)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e20])
def test_samples_that_are_no_numbers_are_IllegalData(value):
    sound = tones(1.0)
    sound[500] = value
    with pytest.raises(IllegalData, match="not numbers"):
        decode(encode(sound, "wav float"), 22_050)


def test_pcm_needs_whole_frames():
    with pytest.raises(IllegalData, match="whole frames"):
        decode(b"\0" * 5, 16_000, pcm=PcmFormat(16_000, 2))


@pytest.mark.parametrize("form", FORMATS)
def test_damaged_files_raise_only_audio_errors(form):
    data = encode(tones(2.0, rate_of(form)), form, rate_of(form))
    for seed in range(25):
        random = np.random.default_rng(seed)
        damaged = bytearray(data)
        for at in random.integers(0, len(data), size=1 + len(data) // 500):
            damaged[at] = random.integers(256)
        try:
            samples = decode(bytes(damaged[: random.integers(1, len(data))]), 22_050)
        except AudioError:
            continue
        assert np.isfinite(samples).all()


def test_ten_minutes_decode_in_little_more_memory_than_their_result():
    stereo = encode(np.tile(tones(10.0, 48_000), (60, 1)), "ogg", 48_000)
    # getrusage would tell the most since the process began, and this test could never fail.
    Path("/proc/self/clear_refs").write_text("5")  # "the most" is what is held now
    before = _most_held()
    samples = decode(stereo, 16_000)
    assert _most_held() - before < 3 * samples.nbytes


def _most_held():
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024
