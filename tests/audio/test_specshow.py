"""The computed drawing against real ones, by matplotlib and Pillow."""

import io

import librosa
import librosa.display
import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image

from audio.specshow import DEFAULT_PLOT, specshow
from tests.sounds import tones

mpl.use("Agg")
import matplotlib.pyplot as plt

RATE = 22_050


def spectrogram(seconds, bands=128, fmax=8000):
    """dB of something with quiet and loud moments, ``(bands, columns)``."""
    noise = np.random.default_rng(0).standard_normal(int(seconds * RATE))
    samples = tones(seconds, RATE, 1).ravel() + noise * np.linspace(0.001, 0.3, len(noise))
    mel = librosa.feature.melspectrogram(y=samples, sr=RATE, n_mels=bands, fmax=fmax)
    return librosa.power_to_db(mel, ref=np.max)


def drawn(db, fmax=8000, figsize=None, tight=False):
    """As the reference service draws it: a PNG's ``(height, width, 3)``."""
    figure = plt.figure(figsize=figsize)
    librosa.display.specshow(db, sr=RATE, x_axis="time", y_axis="mel", fmax=fmax)
    plt.axis("off")
    if tight:
        plt.tight_layout(pad=0)
    file = io.BytesIO()
    plt.savefig(file, format="png", bbox_inches="tight", pad_inches=0)
    plt.close(figure)
    return Image.open(file).convert("RGB")


def computed(db, fmax=8000, **options):
    return np.moveaxis(specshow(db.T.astype(np.float32), fmin=0, fmax=fmax, **options), 0, -1)


@pytest.mark.parametrize("seconds", [0.5, 5.0, 30.0])
@pytest.mark.parametrize(
    ("figsize", "tight", "plot"),
    [
        (None, False, DEFAULT_PLOT),
        (None, True, (640, 480)),
        ((10, 4), True, (1000, 400)),
        ((2.24, 2.24), True, (224, 224)),
    ],
)
def test_every_picture_element_is_the_drawn_one(seconds, figsize, tight, plot):
    db = spectrogram(seconds)
    real = np.asarray(drawn(db, figsize=figsize, tight=tight))
    ours = computed(db, plot=plot)
    assert ours.shape == real.shape
    assert np.abs(ours.astype(int) - real).max() <= 2


@pytest.mark.parametrize("seconds", [5.0, 30.0])
@pytest.mark.parametrize("size", [224, 384])
def test_resized_it_is_what_a_vision_transformer_is_shown(seconds, size):
    db = spectrogram(seconds)
    real = drawn(db).resize((size, size), Image.Resampling.BILINEAR)
    ours = computed(db, height=size, width=size)
    assert np.abs(ours.astype(int) - np.asarray(real)).max() <= 2


@pytest.mark.parametrize(("bands", "fmax"), [(64, 8000), (128, 11_025), (40, 4000)])
def test_other_mel_axes_are_drawn_as_well(bands, fmax):
    db = spectrogram(3.0, bands, fmax)
    difference = computed(db, fmax).astype(int) - np.asarray(drawn(db, fmax))
    assert np.abs(difference).max() <= 2


def test_silence_has_a_picture():
    flat = specshow(np.zeros((100, 128), dtype=np.float32), fmin=0, fmax=8000, height=8, width=8)
    assert flat.shape == (3, 8, 8)
    assert len(np.unique(flat[0])) == 1
