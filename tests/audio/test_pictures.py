"""A song's windows as pictures, by the parameters of its stage."""

import numpy as np
import pytest

from audio.front_end import FrontEnd
from audio.mel import log_mel
from audio.picture import picture
from audio.pictures import Pictures
from audio.specshow import specshow
from tests.sounds import tones

RATE = 22_050
MEL = {"sample_rate": "22050", "n_fft": "2048", "hop_length": "512", "n_mels": "128"}
MEL |= {"fmin": "0", "fmax": "8000"}


def look(kind=None, columns=100, most=8, **more):
    parameters = {**MEL, "window_columns": str(columns), **more}
    if kind:
        parameters |= {"picture": kind, "picture_size": "64"}
    return Pictures.from_parameters(parameters, most)


def song(seconds=6.0):
    """Quiet at first, then ten times as loud."""
    samples = tones(seconds, RATE, 1).ravel().astype(np.float32)
    return samples * np.where(np.arange(len(samples)) < len(samples) / 2, 0.05, 0.5)


def test_without_a_word_a_picture_is_a_row_a_band():
    whole = picture(log_mel(song(), FrontEnd.from_parameters(MEL)))
    pictures = look().of(song())
    assert pictures.shape == (3, 1, 128, 100)
    assert np.array_equal(pictures[0], whole[:, :, :100])
    assert np.array_equal(pictures[-1], whole[:, :, -100:])


@pytest.mark.parametrize(("kind", "channels"), [("grey", 1), ("specshow", 3)])
def test_squares_have_their_size_whatever_the_length(kind, channels):
    for seconds, windows in ((0.3, 1), (2.0, 1), (6.0, 3), (60.0, 8)):
        assert look(kind).of(song(seconds)).shape == (windows, channels, 64, 64)


def test_a_square_has_the_highest_band_on_top():
    tone = np.sin(2 * np.pi * 200 * np.arange(RATE) / RATE).astype(np.float32)
    (grey,) = look("grey").of(tone)[:, 0]
    assert grey[-10:].mean() > 3 * grey[:10].mean() + 1


def test_each_window_is_as_loud_as_a_file_of_its_own_would_be():
    # A front end that cuts nothing off: a window is cut at 80 dB below its own loudest.
    ours = look("specshow", top_db="1000")
    front = FrontEnd.from_parameters({**MEL, "top_db": "1000"})
    window = log_mel(song(), front)[:100]
    window = np.maximum(window - window.max(), -80)
    expected = specshow(window, fmin=0, fmax=8000, height=64, width=64)
    assert np.array_equal(ours.of(song())[0], expected)


@pytest.mark.parametrize("wrong", [{"picture": "oil"}, {"window_columns": ""}])
def test_parameters_that_say_nothing_known_are_refused(wrong):
    parameters = {**MEL, "window_columns": "100", **wrong}
    with pytest.raises(ValueError, match=r"picture|invalid literal"):
        Pictures.from_parameters(parameters, 8)
    with pytest.raises(ValueError, match="window_columns"):
        Pictures.from_parameters(MEL, 8)
