"""Encoded audio in, windows of its mel picture out: the adapter between Triton and ``audio``."""

from __future__ import annotations

import json
import time
import traceback
from typing import Any

import numpy as np
import triton_python_backend_utils as pb_utils

from audio.decode import decode
from audio.decoders import PcmFormat
from audio.errors import AudioError
from audio.padding import bucket, padded
from audio.pictures import Pictures


class TritonPythonModel:
    """``AUDIO`` → ``PICTURES`` (windows, channels, height, width), ``WEIGHTS``, ``TIMES``."""

    def initialize(self, args: dict[str, str]) -> None:
        """Read the front end and run it once, so that the first song does not pay for imports."""
        text = json.loads(args["model_config"])["parameters"]
        parameters = {key: value["string_value"] for key, value in text.items()}
        self.buckets = [int(number) for number in parameters["window_buckets"].split(",")]
        self.pictures = Pictures.from_parameters(parameters, self.buckets[-1])
        self.rate = self.pictures.front.sample_rate
        self.pictures.of(np.zeros(self.rate, dtype=np.float32))

    def execute(self, requests: list[Any]) -> list[Any]:
        """Answer each request by itself: one that fails takes no other along."""
        return [self._answer(request) for request in requests]

    def _answer(self, request: Any) -> Any:
        try:
            audio = pb_utils.get_input_tensor_by_name(request, "AUDIO").as_numpy()
            pcm = PcmFormat.from_parameters(json.loads(request.parameters() or "{}"))
            songs, times = [], []
            for data in audio.ravel():
                begun, start = time.time(), time.perf_counter()
                samples = decode(data, self.rate, pcm=pcm)
                decoded = time.perf_counter()
                songs.append(self.pictures.of(samples))
                times.append([begun, decoded - start, time.perf_counter() - decoded])
            pictures, weights = padded(songs, bucket(max(map(len, songs)), self.buckets))
        except AudioError as error:
            return pb_utils.InferenceResponse(error=pb_utils.TritonError(str(error)))
        except Exception:  # a fault of ours must not fail the other requests of the batch
            pb_utils.Logger.log_error(traceback.format_exc())
            return pb_utils.InferenceResponse(error=pb_utils.TritonError("ServerError: genre_mel"))
        return pb_utils.InferenceResponse(
            [
                pb_utils.Tensor("PICTURES", pictures),
                pb_utils.Tensor("WEIGHTS", weights),
                pb_utils.Tensor("TIMES", np.asarray(times)),
            ]
        )
