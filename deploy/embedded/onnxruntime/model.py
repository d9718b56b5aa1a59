"""A Python-based Triton backend that takes the name ``onnxruntime``.

The ``tritonserver`` that PyPI carries has no ONNX Runtime backend. Triton looks a backend up by
name and also accepts a folder with a ``model.py``: this one. It does what the C++ backend does with
the parts of a configuration that our repository uses, so that one repository serves in both.
"""

from __future__ import annotations

import json
import traceback
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import triton_python_backend_utils as pb_utils

Arrays = dict[str, "np.ndarray[Any, Any]"]

# ONNX Runtime's name of a tensor type, by Triton's (strings are passed as NumPy objects)
_TYPES = {
    "TYPE_BOOL": "tensor(bool)",
    "TYPE_UINT8": "tensor(uint8)",
    "TYPE_INT8": "tensor(int8)",
    "TYPE_INT32": "tensor(int32)",
    "TYPE_INT64": "tensor(int64)",
    "TYPE_FP16": "tensor(float16)",
    "TYPE_FP32": "tensor(float)",
    "TYPE_FP64": "tensor(double)",
    "TYPE_STRING": "tensor(string)",
}
# ``optimization.graph.level`` as the C++ backend reads it: 1 is *less* than the default
_LEVELS = {
    -1: ort.GraphOptimizationLevel.ORT_ENABLE_BASIC,
    0: ort.GraphOptimizationLevel.ORT_ENABLE_ALL,
    1: ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
    2: ort.GraphOptimizationLevel.ORT_DISABLE_ALL,
}


class TritonPythonModel:
    """Runs ``model.onnx`` for the requests that Triton batched."""

    def initialize(self, args: dict[str, str]) -> None:
        """Load the model with the configuration's threads and check its tensors against it."""
        config = json.loads(args["model_config"])
        folder = Path(args["model_repository"]) / args["model_version"]
        path = folder / (config.get("default_model_filename") or "model.onnx")
        providers = _providers(args["model_instance_kind"], int(args["model_instance_device_id"]))
        self.session = ort.InferenceSession(str(path), _options(config), providers=providers)
        batched = config.get("max_batch_size", 0) > 0
        self.batched = batched
        _check("input", config["input"], self.session.get_inputs(), batched=batched)
        _check("output", config["output"], self.session.get_outputs(), batched=batched)
        self.inputs = [tensor["name"] for tensor in config["input"]]
        self.outputs = [tensor["name"] for tensor in config["output"]]

    def execute(self, requests: list[Any]) -> list[Any]:
        """Answer the requests, those of one shape together; a failing one fails alone."""
        feeds = [
            {
                name: pb_utils.get_input_tensor_by_name(request, name).as_numpy()
                for name in self.inputs
            }
            for request in requests
        ]
        answers: list[Arrays | Exception] = [RuntimeError("not run")] * len(requests)
        for group in self._groups(feeds):
            for index, answer in zip(group, self._run([feeds[i] for i in group]), strict=True):
                answers[index] = answer
        return [
            self._response(request, answer)
            for request, answer in zip(requests, answers, strict=True)
        ]

    def finalize(self) -> None:
        """Let the session go, and with it its threads."""
        del self.session

    def _groups(self, feeds: Sequence[Arrays]) -> list[list[int]]:
        """Indices of requests that can be stacked: without a batch axis, each by itself."""
        if not self.batched:
            return [[index] for index in range(len(feeds))]
        groups: dict[tuple[tuple[int, ...], ...], list[int]] = defaultdict(list)
        for index, feed in enumerate(feeds):
            groups[tuple(feed[name].shape[1:] for name in self.inputs)].append(index)
        return list(groups.values())

    def _run(self, feeds: Sequence[Arrays]) -> list[Arrays | Exception]:
        """Outputs of each feed; if they fail together, each is tried by itself."""
        if len(feeds) == 1:
            try:
                return [dict(zip(self.outputs, self._session_run(feeds[0]), strict=True))]
            except Exception as error:  # whatever it is, it is this request's answer
                return [error]
        stacked = {name: np.concatenate([feed[name] for feed in feeds]) for name in self.inputs}
        try:
            results = self._session_run(stacked)
        except Exception:
            return [answer for feed in feeds for answer in self._run([feed])]
        ends = np.cumsum([len(feed[self.inputs[0]]) for feed in feeds])[:-1]
        parts = [np.split(result, ends) for result in results]
        return [dict(zip(self.outputs, part, strict=True)) for part in zip(*parts, strict=True)]

    def _session_run(self, feed: Arrays) -> list[np.ndarray[Any, Any]]:
        results: list[np.ndarray[Any, Any]] = self.session.run(self.outputs, feed)
        return results

    def _response(self, request: Any, answer: Arrays | Exception) -> Any:
        if isinstance(answer, Exception):
            pb_utils.Logger.log_error("".join(traceback.format_exception(answer)))
            return pb_utils.InferenceResponse(error=pb_utils.TritonError(f"onnx runtime: {answer}"))
        wanted = request.requested_output_names()
        return pb_utils.InferenceResponse(
            [pb_utils.Tensor(name, answer[name]) for name in self.outputs if name in wanted]
        )


def _options(config: Mapping[str, Any]) -> ort.SessionOptions:
    """Session options from the keys that the C++ backend documents."""
    text = {key: value["string_value"] for key, value in config.get("parameters", {}).items()}
    options = ort.SessionOptions()
    options.intra_op_num_threads = int(text.get("intra_op_thread_count", "0"))
    options.inter_op_num_threads = int(text.get("inter_op_thread_count", "0"))
    if text.get("execution_mode") == "1":
        options.execution_mode = ort.ExecutionMode.ORT_PARALLEL
    level = int(config.get("optimization", {}).get("graph", {}).get("level", 0))
    options.graph_optimization_level = _LEVELS[level]
    # Idle threads sleep: spinning ones would take the cores that decoding needs meanwhile.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def _providers(kind: str, device: int) -> list[Any]:
    """CUDA where Triton placed the instance on a GPU and its libraries load, else the CPU."""
    if kind == "GPU" and "CUDAExecutionProvider" in ort.get_available_providers():
        return [("CUDAExecutionProvider", {"device_id": device}), "CPUExecutionProvider"]
    return ["CPUExecutionProvider"]


def _check(role: str, configured: Sequence[Any], found: Sequence[Any], *, batched: bool) -> None:
    """Hold the model's tensors against the configuration's, as the C++ backend does at load.

    Raises:
        TritonModelException: a name, type or shape differs.
    """
    model = {tensor.name: tensor for tensor in found}
    names = {tensor["name"] for tensor in configured}
    missing = names - set(model) if role == "output" else names ^ set(model)
    if missing:
        raise pb_utils.TritonModelException(
            f"{role}s differ between configuration and model: {', '.join(sorted(missing))}"
        )
    for tensor in configured:
        actual = model[tensor["name"]]
        wanted = _TYPES.get(tensor["data_type"])
        if actual.type != wanted:
            raise pb_utils.TritonModelException(
                f"{role} {actual.name} is {actual.type} in the model, "
                f"{tensor['data_type']} in the configuration"
            )
        dims = [int(size) for size in tensor["dims"]]
        dims = [-1, *dims] if batched else dims
        shape = [size if isinstance(size, int) else -1 for size in actual.shape]
        if len(dims) != len(shape) or not all(map(_compatible, dims, shape)):
            raise pb_utils.TritonModelException(
                f"{role} {actual.name} has shape {shape} in the model, {dims} in the configuration"
            )


def _compatible(configured: int, actual: int) -> bool:
    """A dimension that varies in the model may be fixed by the configuration, not the reverse."""
    return actual in {-1, configured}
