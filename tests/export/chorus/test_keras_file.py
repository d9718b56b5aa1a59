"""DeepChorus' weights from a Keras file, held against the network in NumPy."""

import h5py
import numpy as np
import pytest
import torch

from export.chorus.keras_file import load
from export.errors import ExportError
from tests.export.chorus.in_numpy import Network, layers_of, write


def magnitudes(frames):
    return np.random.default_rng(frames).exponential(1.0, (frames, 128)).astype(np.float32)


def scores(network, features):
    with torch.no_grad():
        return network(torch.from_numpy(features)[np.newaxis]).numpy()[0, :, 0]


@pytest.mark.parametrize("frames", [45, 99, 477])
def test_the_network_is_the_papers(tmp_path, frames):
    network = load(write(tmp_path / "w.h5", layers_of()))
    expected = Network()(magnitudes(frames))
    assert expected.shape == (frames // 43,)
    np.testing.assert_allclose(scores(network, magnitudes(frames)), expected, atol=1e-5)


@pytest.mark.parametrize("first", [0, 1, 9])
def test_names_tell_the_order_and_may_begin_anywhere(tmp_path, first):
    layers = layers_of(first=first)
    order = np.random.default_rng(first).permutation(len(layers))
    network = load(write(tmp_path / "w.h5", layers, order=order))
    np.testing.assert_allclose(
        scores(network, magnitudes(99)), Network()(magnitudes(99)), atol=1e-5
    )


def test_a_file_of_the_whole_model_is_read_too(tmp_path):
    network = load(write(tmp_path / "w.h5", layers_of(), whole=True))
    np.testing.assert_allclose(
        scores(network, magnitudes(99)), Network()(magnitudes(99)), atol=1e-5
    )


def other(name, **tensors):
    """The layers, one of them with other tensors."""
    return [(n, {**t, **tensors} if n == name else t) for n, t in layers_of()]


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        (layers_of()[:-1], "has 46 layers of the kind conv1d, DeepChorus has 47"),
        (layers_of()[1:], "is not DeepChorus: it has 3 convolutions over the spectrogram"),
        ([], "is not DeepChorus: it has 0 convolutions"),
        (
            [each for each in layers_of() if each[0] != "multi_head_attention_1"],
            "has 2 layers of the kind multi_head_attention, DeepChorus has 3",
        ),
        (other("conv1d_7", kernel=np.zeros((3, 8, 5))), "tensors of conv1d number 8"),
        (other("conv1d_7", bias=np.full(8, np.nan)), "values that are not numbers"),
        (
            [*layers_of()[:1], ("batch_normalization", {"gamma": np.ones(4)}), *layers_of()[2:]],
            "tensors of batch_normalization number 1 .* do not fit DeepChorus: 'beta'",
        ),
    ],
)  # fmt: skip
def test_another_network_is_told_from_it(tmp_path, layers, words):
    with pytest.raises(ExportError, match=words):
        load(write(tmp_path / "w.h5", layers))


def test_a_file_of_something_else_is_told(tmp_path):
    path = tmp_path / "other.h5"
    path.write_bytes(b"no file of weights at all")
    with pytest.raises(ExportError, match=r"other.h5 is no .h5 file, or is damaged"):
        load(path)
    with h5py.File(path, "w") as file:
        file["x"] = 1
    with pytest.raises(ExportError, match="lists no layers"):
        load(path)


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_truncated_file_is_told(tmp_path, share):
    path = write(tmp_path / "w.h5", layers_of())
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(ExportError, match=r"w.h5 is no .h5 file, or is damaged"):
        load(path)
