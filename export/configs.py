"""Triton configurations from typed specifications, as Triton's own protobuf messages.

Whatever the target, each model has its warmup, its queue policy and its share of the threads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2 as pb

NEWEST_OPSET, NEWEST_IR = 20, 9
"""Of a network's file: what ONNX Runtime 1.19 loads, of Triton 24.10, and all newer ones."""

_QUEUE_SIZE = 64
_QUEUE_MICROSECONDS = 60_000_000
_THREADS_A_SESSION = 4
_TRT_WORKSPACE_BYTES = 2**31
_HEURISTIC = "1"  # an exhaustive search is repeated for every new length of a song


class Target(StrEnum):
    """What the network runs on."""

    CPU = "cpu"
    CUDA = "cuda"
    TENSORRT = "tensorrt"


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor without its batch axis; ``kind`` as Triton writes it (``FP32``), -1 an open axis."""

    name: str
    kind: str
    dims: Sequence[int]
    labels: str = ""

    def on(self, found: pb.ModelInput | pb.ModelOutput) -> None:
        """Write it into a configuration."""
        found.name = self.name
        found.data_type = pb.DataType.Value(f"TYPE_{self.kind}")
        found.dims.extend(self.dims)
        if isinstance(found, pb.ModelOutput):
            found.label_filename = self.labels


AUDIO = Tensor("AUDIO", "STRING", [1])
TIMES = Tensor("TIMES", "FP64", [3])


@dataclass(frozen=True, slots=True)
class Spread:
    """What an engine is built for, of each open axis.

    Attributes:
        least: the smallest size.
        most: the greatest, in times the usual one.
    """

    least: int = 1
    most: int = 8


@dataclass(frozen=True, slots=True)
class Machine:
    """What the models may use together.

    Attributes:
        target: of the networks; decoding is always on the CPU.
        cores: of the CPU.
        gpus: graphics cards; 0 with ``Target.CPU``.
    """

    target: Target = Target.CPU
    cores: int = 1
    gpus: int = 0


def python_stage(
    name: str,
    inputs: Sequence[Tensor],
    outputs: Sequence[Tensor],
    parameters: Mapping[str, str],
    machine: Machine,
    batch: int = 8,
) -> pb.ModelConfig:
    """A stage of ours: one core a song, an instance a core, never a batch of songs by itself."""
    config = _model(name, inputs, outputs, batch)
    config.backend = "python"
    config.instance_group.add(kind=pb.ModelInstanceGroup.KIND_CPU, count=machine.cores)
    config.dynamic_batching.preferred_batch_size.append(1)
    _queue(config)
    _parameters(config, {"scale_with_cores": "instances", **parameters})
    return config


def network(
    name: str,
    inputs: Sequence[Tensor],
    outputs: Sequence[Tensor],
    warmup: Mapping[str, Sequence[int]],
    machine: Machine,
    batch: int = 8,
    spread: Spread = Spread(),
) -> pb.ModelConfig:
    """An ONNX network; ``warmup`` gives the usual shape of each input, without the batch."""
    config = _model(name, inputs, outputs, batch)
    config.backend = "onnxruntime"
    config.default_model_filename = "model.onnx"
    _queue(config)
    if machine.target is Target.CPU:
        threads = min(machine.cores, _THREADS_A_SESSION)
        count = max(1, machine.cores // threads)
        config.instance_group.add(kind=pb.ModelInstanceGroup.KIND_CPU, count=count)
        _parameters(config, {"scale_with_cores": "threads", "intra_op_thread_count": str(threads)})
        _parameters(config, {"inter_op_thread_count": "1"})
    else:
        config.instance_group.add(
            kind=pb.ModelInstanceGroup.KIND_GPU, count=1, gpus=range(machine.gpus)
        )
        _parameters(config, {"cudnn_conv_algo_search": _HEURISTIC})
    if machine.target is Target.TENSORRT:
        _tensorrt(config, inputs, warmup, batch, spread)
    _warmup(config, inputs, warmup)
    return config


def ensemble(
    name: str,
    outputs: Sequence[Tensor],
    steps: Sequence[pb.ModelConfig],
    parameters: Mapping[str, str],
    batch: int = 8,
) -> pb.ModelConfig:
    """``AUDIO`` through the steps; a step reads what one before it has written, by its name."""
    config = _model(name, [AUDIO], outputs, batch)
    config.platform = "ensemble"
    _parameters(config, parameters)
    wanted = {tensor.name for each in [config, *steps] for tensor in [*each.input, *config.output]}
    for each in steps:
        step = config.ensemble_scheduling.step.add(model_name=each.name, model_version=-1)
        step.input_map.update({tensor.name: tensor.name for tensor in each.input})
        step.output_map.update({t.name: t.name for t in each.output if t.name in wanted})
    return config


def text(config: pb.ModelConfig) -> str:
    """The configuration as ``config.pbtxt`` holds it."""
    return text_format.MessageToString(config)


def _model(
    name: str, inputs: Sequence[Tensor], outputs: Sequence[Tensor], batch: int
) -> pb.ModelConfig:
    config = pb.ModelConfig(name=name, max_batch_size=batch)
    for tensor in inputs:
        tensor.on(config.input.add())
    for tensor in outputs:
        tensor.on(config.output.add())
    return config


def _queue(config: pb.ModelConfig) -> None:
    policy = config.dynamic_batching.default_queue_policy
    policy.timeout_action = pb.ModelQueuePolicy.REJECT
    policy.default_timeout_microseconds = _QUEUE_MICROSECONDS
    policy.allow_timeout_override = True
    policy.max_queue_size = _QUEUE_SIZE


def _parameters(config: pb.ModelConfig, values: Mapping[str, str]) -> None:
    for key, value in values.items():
        config.parameters[key].string_value = value


def _warmup(
    config: pb.ModelConfig, inputs: Sequence[Tensor], shapes: Mapping[str, Sequence[int]]
) -> None:
    warmup = config.model_warmup.add(name="one song", batch_size=1)
    for tensor in inputs:
        found = warmup.inputs[tensor.name]
        found.data_type = pb.DataType.Value(f"TYPE_{tensor.kind}")
        found.dims.extend(shapes[tensor.name])
        found.zero_data = True  # chance bytes may be numbers that are none, or point nowhere


def _tensorrt(
    config: pb.ModelConfig,
    inputs: Sequence[Tensor],
    shapes: Mapping[str, Sequence[int]],
    batch: int,
    spread: Spread,
) -> None:
    """Half precision, one engine for all sizes up to a full batch, kept between starts."""
    accelerator = config.optimization.execution_accelerators.gpu_execution_accelerator.add()
    accelerator.name = "tensorrt"

    def sizes(first: int, of_open: Callable[[int], int]) -> dict[str, list[int]]:
        return {
            t.name: [
                first,
                *(of_open(u) if d < 0 else d for d, u in zip(t.dims, shapes[t.name], strict=True)),
            ]
            for t in inputs
        }

    accelerator.parameters.update(
        {
            "precision_mode": "FP16",
            "trt_layer_norm_fp32_fallback": "1",
            "max_workspace_size_bytes": str(_TRT_WORKSPACE_BYTES),
            "trt_engine_cache_enable": "1",
            "trt_engine_cache_path": f"/var/cache/tensorrt/{config.name}",
            "trt_profile_min_shapes": _profile(sizes(1, lambda _: spread.least)),
            "trt_profile_opt_shapes": _profile(sizes(1, lambda usual: usual)),
            "trt_profile_max_shapes": _profile(sizes(batch, lambda usual: spread.most * usual)),
        }
    )


def _profile(shapes: Mapping[str, Sequence[int]]) -> str:
    return ",".join(f"{name}:{'x'.join(map(str, dims))}" for name, dims in shapes.items())
