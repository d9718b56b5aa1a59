"""What chorus networks are shown, by the parameters of their stage."""

import numpy as np
import pytest

from audio.chorus_features import N_FEATURES
from audio.chorus_inputs import ChorusInputs
from audio.front_end import FrontEnd
from audio.mel import mel
from export.front_ends import CHORUS
from tests.sounds import tones

PUBLISHED = FrontEnd(22_050, 2048, 512, 128, 20.0, 5000.0, power=1.0, pad_mode="reflect")
TEXT = {"sample_rate": "22050", "n_fft": "2048", "hop_length": "512", "n_mels": "128"}
TEXT |= {"fmin": "20", "fmax": "5000", "power": "1", "pad_mode": "reflect"}
MEL = {**TEXT, "features": "mel", "frame_multiple": "9", "least_frames": "45"}


def samples(count):
    return tones(count / 22_050, 22_050, 1).ravel()[:count]


def test_parameters_name_the_published_front_end():
    assert ChorusInputs.from_parameters(MEL) == ChorusInputs(PUBLISHED, "mel", multiple=9, least=45)


@pytest.mark.parametrize("columns", [45, 46, 53, 54, 100])
def test_nine_less_the_remainder_are_added_and_nine_where_it_comes_out_even(columns):
    sound = samples((columns - 1) * 512)
    spectrogram = mel(sound, PUBLISHED)
    assert len(spectrogram) == columns
    found = ChorusInputs.from_parameters(MEL).of(sound)
    assert len(found) == columns + 9 - columns % 9
    assert np.array_equal(found[:columns], spectrogram)
    assert not found[columns:].any()


def test_a_moment_is_filled_up_to_what_the_network_needs():
    inputs = ChorusInputs.from_parameters(MEL)
    assert inputs.of(samples(1)).shape == (45, 128)
    assert inputs.size(45) == 45  # never to a bucket: the network would answer otherwise


def test_our_own_features_are_filled_up_to_buckets():
    text = {"sample_rate": "16000", "n_fft": "2048", "hop_length": "512", "n_mels": "64"}
    text |= {"fmin": "30", "fmax": "8000", "frame_buckets": "256,512"}
    inputs = ChorusInputs.from_parameters(text)
    assert inputs.front == CHORUS
    assert [inputs.size(n) for n in (1, 256, 257, 513)] == [256, 256, 512, 1024]
    assert inputs.of(np.zeros(16_000, np.float32)).shape[1] == N_FEATURES


@pytest.mark.parametrize("text", [TEXT, {**TEXT, "features": "mel"}, {**MEL, "features": "stft"}])
def test_what_is_missing_or_unknown_is_said(text):
    with pytest.raises(ValueError, match="features is one of repeats, mel"):
        ChorusInputs.from_parameters(text)
