"""Encoded audio in, its chorus features out: the adapter between Triton and ``audio``."""

from __future__ import annotations

import json
import time
import traceback
from typing import Any

import numpy as np
import triton_python_backend_utils as pb_utils

from audio.chorus_inputs import ChorusInputs
from audio.decode import decode
from audio.decoders import PcmFormat
from audio.errors import AudioError
from audio.padding import padded


class TritonPythonModel:
    """``AUDIO`` → ``FEATURES`` (frames, features), ``MASK``, ``DURATION`` (s), ``TIMES``."""

    def initialize(self, args: dict[str, str]) -> None:
        """Read the front end and run it once, so that the first song does not pay for imports."""
        text = json.loads(args["model_config"])["parameters"]
        parameters = {key: value["string_value"] for key, value in text.items()}
        self.inputs = ChorusInputs.from_parameters(parameters)
        self.rate = self.inputs.front.sample_rate
        self.inputs.of(np.zeros(60 * self.rate, dtype=np.float32))

    def execute(self, requests: list[Any]) -> list[Any]:
        """Answer each request by itself: one that fails takes no other along."""
        return [self._answer(request) for request in requests]

    def _answer(self, request: Any) -> Any:
        try:
            audio = pb_utils.get_input_tensor_by_name(request, "AUDIO").as_numpy()
            pcm = PcmFormat.from_parameters(json.loads(request.parameters() or "{}"))
            songs, seconds, times = [], [], []
            for data in audio.ravel():
                begun, start = time.time(), time.perf_counter()
                samples = decode(data, self.rate, pcm=pcm)
                decoded = time.perf_counter()
                songs.append(self.inputs.of(samples))
                times.append([begun, decoded - start, time.perf_counter() - decoded])
                seconds.append([len(samples) / self.rate])
            features, mask = padded(songs, self.inputs.size(max(map(len, songs))))
        except AudioError as error:
            return pb_utils.InferenceResponse(error=pb_utils.TritonError(str(error)))
        except Exception:  # a fault of ours must not fail the other requests of the batch
            pb_utils.Logger.log_error(traceback.format_exc())
            return pb_utils.InferenceResponse(error=pb_utils.TritonError("ServerError: chorus_mel"))
        return pb_utils.InferenceResponse(
            [
                pb_utils.Tensor("FEATURES", features),
                pb_utils.Tensor("MASK", mask),
                pb_utils.Tensor("DURATION", np.asarray(seconds, dtype=np.float32)),
                pb_utils.Tensor("TIMES", np.asarray(times)),
            ]
        )
