import tracemalloc

import librosa
import numpy as np
import pytest

from audio.front_end import FrontEnd
from audio.mel import frame_count, log_mel, mel
from export.front_ends import CHORUS, GENRE
from tests.sounds import tones

DEEP_CHORUS = FrontEnd(22_050, 2048, 512, 128, 20.0, 5000.0, power=1.0, pad_mode="reflect")


def signal(front, seconds):
    sound = tones(seconds, front.sample_rate, channels=1)[:, 0]
    noise = np.random.default_rng(0).standard_normal(len(sound))
    return (sound + 0.01 * noise).astype(np.float32)


def librosa_mel(samples, front):
    spectrogram = librosa.feature.melspectrogram(
        y=samples,
        sr=front.sample_rate,
        n_fft=front.n_fft,
        hop_length=front.hop_length,
        n_mels=front.n_mels,
        fmin=front.fmin,
        fmax=front.fmax,
        power=front.power,
        pad_mode=front.pad_mode,
    ).T
    columns = len(spectrogram) // front.pool
    return spectrogram[: columns * front.pool].reshape(columns, front.pool, -1).mean(axis=1)


@pytest.mark.parametrize("front", [GENRE, CHORUS, DEEP_CHORUS], ids=["genre", "chorus", "deep"])
@pytest.mark.parametrize("seconds", [0.2, 1.0, 7.77, 30.0])
def test_mel_is_librosas_within_1e_5(front, seconds):
    samples = signal(front, seconds)
    expected = librosa_mel(samples, front)
    actual = mel(samples, front)
    assert actual.shape == expected.shape == (frame_count(len(samples), front), front.n_mels)
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-7 * expected.max())


@pytest.mark.parametrize("front", [GENRE, CHORUS], ids=["genre", "chorus"])
def test_log_mel_is_librosas_power_to_db(front):
    samples = signal(front, 5.0)
    expected = librosa.power_to_db(librosa_mel(samples, front), ref=np.max, top_db=80.0)
    np.testing.assert_allclose(log_mel(samples, front), expected, atol=1e-3)


@pytest.mark.parametrize("samples", [1, 2, 700, 1024, 1025, 3000])
def test_short_sounds_are_mirrored_as_often_as_needed(samples):
    """NumPy's ``reflect`` is what librosa calls."""
    sound = np.random.default_rng(0).standard_normal(samples).astype(np.float32)
    padded = np.pad(sound, DEEP_CHORUS.n_fft // 2, mode="reflect")
    frames = librosa.util.frame(padded, frame_length=2048, hop_length=512)
    window = librosa.filters.get_window("hann", 2048, fftbins=True)[:, None]
    bank = librosa.filters.mel(sr=22_050, n_fft=2048, n_mels=128, fmin=20, fmax=5000)
    expected = (bank @ np.abs(np.fft.rfft(frames * window, axis=0))).T
    np.testing.assert_allclose(mel(sound, DEEP_CHORUS), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("samples", [0, 1, 511, 512, 1023, 1024])
def test_the_shortest_sounds_have_a_column(samples):
    spectrogram = log_mel(np.zeros(samples, dtype=np.float32), GENRE)
    assert spectrogram.shape == (1, 128)
    assert np.isfinite(spectrogram).all()


def test_ten_minutes_are_transformed_in_blocks():
    samples = np.random.default_rng(0).standard_normal(600 * 22_050).astype(np.float32)
    tracemalloc.start()
    result = mel(samples, GENRE)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    unpooled = result.nbytes * GENRE.pool
    assert peak < unpooled + result.nbytes + 16 * 2**20


def test_parameters_are_read_from_text_and_an_incomplete_set_is_refused():
    text = {"sample_rate": "22050", "n_fft": "2048", "hop_length": "512", "n_mels": "128"}
    full = {**text, "fmin": "0", "fmax": "8000", "pool": "2", "unrelated": "x"}
    protocol = FrontEnd(22_050, 2048, 512, 128, 0.0, 8000.0, pool=2)
    assert FrontEnd.from_parameters(full) == protocol == GENRE  # the reference service's mel
    with pytest.raises(ValueError, match="fmin"):
        FrontEnd.from_parameters(text)
    assert FrontEnd.from_parameters({**full, "pad_mode": "reflect"}).pad_mode == "reflect"
    with pytest.raises(ValueError, match="pad_mode is 'wrap', not one of constant, reflect"):
        FrontEnd.from_parameters({**full, "pad_mode": "wrap"})
