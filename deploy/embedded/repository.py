"""The model repository, scaled to a machine.

Configurations are kept for one core. A model says in its parameter ``scale_with_cores`` how it
uses more: ``instances`` (work that keeps to one core a song) or ``threads`` (a song spread over
cores). Either way instances × threads never exceed the cores: more would make threads wait for each
other, which halves throughput.
"""

from __future__ import annotations

import os
from pathlib import Path

from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

_THREADS_A_SESSION = 4
"""Most threads of one ONNX Runtime session; a second session gains more than a fifth thread."""


def available_cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0))


def read_config(path: Path) -> model_config_pb2.ModelConfig:
    """Parse a ``config.pbtxt`` against Triton's own protobuf definition.

    Raises:
        google.protobuf.text_format.ParseError: it is not a model configuration.
    """
    return text_format.Parse(path.read_text(), model_config_pb2.ModelConfig())


def scale(config: model_config_pb2.ModelConfig, cores: int) -> None:
    """Set instances and threads of one configuration, in place, for so many cores."""
    if "scale_with_cores" not in config.parameters:
        return
    scaling = config.parameters["scale_with_cores"].string_value
    if scaling == "instances":
        config.instance_group[0].count = cores
    elif scaling == "threads":
        threads = min(cores, _THREADS_A_SESSION)
        config.parameters["intra_op_thread_count"].string_value = str(threads)
        config.instance_group[0].count = cores // threads


def put_on_gpu(config: model_config_pb2.ModelConfig) -> None:
    """Have a network run on the GPU, one instance of it; decoding stays on the cores, in place."""
    if config.backend == "onnxruntime":
        group = config.instance_group[0]
        group.kind, group.count = model_config_pb2.ModelInstanceGroup.KIND_GPU, 1


def write_scaled(source: Path, target: Path, cores: int, *, on_gpu: bool = False) -> None:
    """Lay a scaled copy of the repository ``source`` at ``target``: new configs, linked models.

    Raises:
        FileNotFoundError: ``source`` holds no model.
    """
    configs = sorted(source.glob("*/config.pbtxt"))
    if not configs:
        raise FileNotFoundError(f"no model repository at {source}")
    for path in configs:
        config = read_config(path)
        scale(config, cores)
        if on_gpu:
            put_on_gpu(config)
        folder = target / path.parent.name
        folder.mkdir(parents=True)
        (folder / "config.pbtxt").write_text(text_format.MessageToString(config))
        for entry in path.parent.iterdir():
            if entry.name != "config.pbtxt":
                (folder / entry.name).symlink_to(entry.resolve())
