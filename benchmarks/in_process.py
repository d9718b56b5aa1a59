"""The same work in one process without any server: the limit that serving is held against."""

from __future__ import annotations

import numpy as np
import onnxruntime

from audio.decode import decode
from audio.mel import log_mel
from audio.picture import picture
from audio.windows import cut, windows
from benchmarks.serving import PROJECT
from deploy.embedded.repository import read_config
from export.front_ends import GENRE

MODELS = PROJECT / "model_repository"


class InProcess:
    """Bytes to genre probabilities, with the parameters and the network that are served."""

    def __init__(self, threads: int) -> None:
        parameters = read_config(MODELS / "genre_mel" / "config.pbtxt").parameters
        self.window = int(parameters["window_columns"].string_value)
        self.most = int(parameters["window_buckets"].string_value.split(",")[-1])
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(
            MODELS / "genre_vit" / "1" / "model.onnx", options, providers=["CPUExecutionProvider"]
        )

    def __call__(self, data: bytes) -> np.ndarray:
        """Probabilities ``(16,)`` of one song."""
        whole = picture(log_mel(decode(data, GENRE.sample_rate), GENRE))
        pictures = cut(whole, windows(whole.shape[-1], self.window, self.most), self.window)
        weights = np.ones((1, len(pictures)), dtype=np.float32)
        feed = {"PICTURES": pictures[np.newaxis], "WEIGHTS": weights}
        return self.session.run(["PROBABILITIES"], feed)[0][0]
