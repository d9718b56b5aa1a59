"""The comparison is only fair if both sides compute the same."""

import numpy as np
import onnxruntime
import pytest

from benchmarks.in_process import MODELS
from benchmarks.torch_graph import TorchGraph

PATH = MODELS / "genre_vit" / "1" / "model.onnx"


@pytest.mark.parametrize("windows", [1, 3])
def test_pytorch_computes_what_onnx_runtime_computes(windows):
    session = onnxruntime.InferenceSession(PATH, providers=["CPUExecutionProvider"])
    shape = [size if isinstance(size, int) else 216 for size in session.get_inputs()[0].shape[2:]]
    random = np.random.default_rng(windows)
    feed = {
        "PICTURES": random.integers(0, 256, (2, windows, *shape), dtype=np.uint8),
        "WEIGHTS": np.ones((2, windows), dtype=np.float32),
    }
    (expected,) = session.run(None, feed)
    (actual,) = TorchGraph(PATH)(feed)
    np.testing.assert_allclose(actual, expected, atol=1e-4)
