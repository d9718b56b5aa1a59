"""DeepChorus at its published size: the same network in Keras, and ten minutes of sound."""

import os
import subprocess
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from benchmarks.deepchorus import measured, network_file
from export import proof
from export.chorus.export import Request, export_chorus
from export.chorus.keras_file import load

pytestmark = pytest.mark.slow
LENGTHS = (45, 99, 909)


@pytest.fixture(scope="module")
def keras(tmp_path_factory):
    """Files that Keras wrote, and what it answers."""
    if "KERAS_PYTHON" not in os.environ:
        pytest.skip("no Python with TensorFlow was named: make test-keras makes one")
    folder = tmp_path_factory.mktemp("keras")
    script = Path(__file__).with_name("keras_network.py")
    subprocess.run([os.environ["KERAS_PYTHON"], script, folder], check=True, timeout=240)
    return folder, np.load(folder / "answers.npz")


@pytest.mark.parametrize("file", ["deepchorus.h5", "whole.h5"])
@pytest.mark.parametrize("frames", LENGTHS)
def test_pytorch_answers_what_keras_does(keras, file, frames):
    folder, answers = keras
    expected = answers[f"scores_{frames}"]
    with torch.no_grad():
        found = load(folder / file)(torch.from_numpy(answers[f"features_{frames}"]))
    assert expected.shape == (2, frames // 43)
    np.testing.assert_allclose(found.numpy()[..., 0], expected, atol=1e-4)


def test_the_exported_file_answers_what_keras_does(keras, tmp_path):
    folder, answers = keras
    (tmp_path / "repository").mkdir()
    request = Request(folder / "deepchorus.h5", tmp_path / "repository", name="published")
    report = export_chorus(request, lambda _: None)
    assert report["fused"] == {"MultiHeadAttention": 3}
    model = onnx.load(tmp_path / "repository" / "published_net" / "1" / "model.onnx")
    run = proof.runner(model)
    for frames in LENGTHS:
        found = run(answers[f"features_{frames}"])[..., 0]
        np.testing.assert_allclose(found, answers[f"scores_{frames}"], atol=1e-4)
    assert answers["scores_909"].std() > 0.02  # answers differ, so that a wrong one would be seen


def test_ten_minutes_stay_under_four_gigabytes(tmp_path):
    seconds, peak = measured(network_file(tmp_path, fused=True), 10)
    print(f"ten minutes: {seconds:.1f} s, {peak / 2**20:.0f} MiB")
    assert peak < 4e9
