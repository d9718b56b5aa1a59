"""What is wrong with a model repository, in sentences, before Triton says it in its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import onnx
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2 as pb

from export.configs import NEWEST_IR, NEWEST_OPSET

Shape = tuple[int, list[int]]
"""A tensor's type, by Triton's number, and its dimensions."""

# ONNX's tensor types, by Triton's
_TYPES = {
    pb.TYPE_BOOL: onnx.TensorProto.BOOL,
    pb.TYPE_UINT8: onnx.TensorProto.UINT8,
    pb.TYPE_INT8: onnx.TensorProto.INT8,
    pb.TYPE_INT32: onnx.TensorProto.INT32,
    pb.TYPE_INT64: onnx.TensorProto.INT64,
    pb.TYPE_FP16: onnx.TensorProto.FLOAT16,
    pb.TYPE_FP32: onnx.TensorProto.FLOAT,
    pb.TYPE_FP64: onnx.TensorProto.DOUBLE,
    pb.TYPE_STRING: onnx.TensorProto.STRING,
}


def faults(repository: Path, cores: int) -> list[str]:
    """Every fault found, a sentence each; none is an empty list.

    Args:
        repository: a folder of models.
        cores: of the machine it is for: no stage may use more. Models that say how they scale are
            counted as they will be, the others as they stand.
    """
    if not repository.is_dir():
        return [f"There is no folder {repository}."]
    models: dict[str, pb.ModelConfig] = {}
    found: list[str] = []
    for folder in sorted(each for each in repository.iterdir() if each.is_dir()):
        try:
            models[folder.name] = read(folder)
        except (OSError, text_format.ParseError) as error:
            found.append(f"{folder.name}: its configuration cannot be read: {error}.")
    if not models and not found:
        return [f"{repository} holds no model."]
    for name, config in models.items():
        found += (f"{name}: {fault}." for fault in _model(repository / name, config, cores))
    for name, config in models.items():
        found += (f"{name}: {fault}." for fault in _wiring(config, models))
    return found


def read(folder: Path) -> pb.ModelConfig:
    """A model's configuration.

    Raises:
        OSError: there is none.
        text_format.ParseError: it is no model configuration.
    """
    return text_format.Parse((folder / "config.pbtxt").read_text(), pb.ModelConfig())


def _model(folder: Path, config: pb.ModelConfig, cores: int) -> Iterator[str]:
    if config.name and config.name != folder.name:
        yield f"it is called {config.name} in its configuration"
    versions = [each for each in folder.iterdir() if each.name.isdecimal() and each.is_dir()]
    if not versions:
        yield "it has no version folder (1, 2 …)"
    yield from _labels(folder, config)
    if config.platform == "ensemble":
        if config.model_warmup:
            yield "an ensemble cannot be warmed up, only its steps"
        return
    yield from _manners(config, cores)
    file = config.default_model_filename or {"python": "model.py", "onnxruntime": "model.onnx"}.get(
        config.backend, ""
    )
    for version in versions:
        if file and not (version / file).is_file():
            yield f"version {version.name} has no {file}"
        elif config.backend == "onnxruntime":
            yield from _onnx(version / file, config)


def _labels(folder: Path, config: pb.ModelConfig) -> Iterator[str]:
    for output in config.output:
        if not output.label_filename:
            continue
        path = folder / output.label_filename
        if not path.is_file():
            yield f"{output.label_filename} is missing, which names the classes of {output.name}"
            continue
        count = len(path.read_text(encoding="utf-8").splitlines())
        if count != output.dims[-1]:
            yield f"{output.label_filename} has {count} labels, {output.name} {output.dims[-1]}"


def _manners(config: pb.ModelConfig, cores: int) -> Iterator[str]:
    """Warmup, queue policy and threads: without them a service is slow, late or stuck."""
    if config.backend == "onnxruntime" and not config.model_warmup:
        yield "it has no model_warmup, so the first request pays for it"
    queue = config.dynamic_batching.default_queue_policy
    if config.HasField("dynamic_batching") and not queue.max_queue_size:
        yield "its queue has no bound (max_queue_size)"
    if config.HasField("dynamic_batching") and not queue.default_timeout_microseconds:
        yield "its queue has no time limit (default_timeout_microseconds)"
    groups = [g for g in config.instance_group if g.kind == pb.ModelInstanceGroup.KIND_CPU]
    if not config.instance_group:
        yield "it has no instance_group: Triton would choose"
    if "scale_with_cores" in config.parameters or not groups:
        return  # it is scaled to the machine when it is served
    threads = 1
    if config.backend == "onnxruntime":
        text = config.parameters["intra_op_thread_count"].string_value
        if text in {"", "0"}:
            yield "it has no intra_op_thread_count: each instance would take every core"
            return
        threads = int(text)
    count = sum(group.count for group in groups)
    if count * threads > cores:
        yield f"{count} instances of {threads} threads are more than {cores} cores"


def _onnx(path: Path, config: pb.ModelConfig) -> Iterator[str]:
    try:
        model = onnx.load(path, load_external_data=False)
    except Exception as error:  # protobuf has several for a damaged file
        yield f"{path.parent.name}/{path.name} is damaged: {str(error).splitlines()[0]}"
        return
    if model.ir_version > NEWEST_IR:
        yield f"its IR version is {model.ir_version}, Triton 24.10 reads up to {NEWEST_IR}"
    for opset in model.opset_import:
        if opset.domain in {"", "ai.onnx"} and opset.version > NEWEST_OPSET:
            yield f"its opset is {opset.version}, Triton 24.10 reads up to {NEWEST_OPSET}"
    constants = {each.name for each in model.graph.initializer}
    inputs = [each for each in model.graph.input if each.name not in constants]
    yield from _tensors("input", config.input, inputs, batched=config.max_batch_size > 0)
    yield from _tensors(
        "output", config.output, model.graph.output, batched=config.max_batch_size > 0
    )


def _tensors(
    role: str,
    configured: list[pb.ModelInput] | list[pb.ModelOutput],
    found: list[onnx.ValueInfoProto],
    *,
    batched: bool,
) -> Iterator[str]:
    graph = {each.name: each.type.tensor_type for each in found}
    for tensor in configured:
        if tensor.name not in graph:
            yield f"the network has no {role} {tensor.name}"
            continue
        actual = graph.pop(tensor.name)
        if _TYPES.get(tensor.data_type) != actual.elem_type:
            kind = onnx.TensorProto.DataType.Name(actual.elem_type)
            yield (
                f"{role} {tensor.name} is {pb.DataType.Name(tensor.data_type)} in the "
                f"configuration and {kind} in the network"
            )
        dims = [-1, *tensor.dims] if batched else list(tensor.dims)
        shape = [d.dim_value if d.HasField("dim_value") else -1 for d in actual.shape.dim]
        fits = len(dims) == len(shape) and all(
            b in {-1, a} for a, b in zip(dims, shape, strict=True)
        )
        if not fits:
            yield f"{role} {tensor.name} is {dims} in the configuration and {shape} in the network"
    if role == "input" and graph:
        yield f"the configuration lacks the network's input {', '.join(sorted(graph))}"


def _wiring(config: pb.ModelConfig, models: dict[str, pb.ModelConfig]) -> Iterator[str]:
    """Every step's tensors come from somewhere, in the type and shape that it takes."""
    if config.platform != "ensemble":
        return
    known = {each.name: _shape(each) for each in config.input}
    for step in config.ensemble_scheduling.step:
        part = models.get(step.model_name)
        if part is None:
            yield f"its step {step.model_name} is no model of this repository"
            continue
        if part.max_batch_size < config.max_batch_size:
            yield f"its batches of {config.max_batch_size} are over {part.name}'s"
        yield from _taken(step, part, known)
        made = {each.name: _shape(each) for each in part.output}
        for name, target in step.output_map.items():
            if name in made:
                known[target] = made[name]
            else:
                yield f"{part.name} makes no {name}"
    for output in config.output:
        if output.name not in known:
            yield f"no step makes its output {output.name}"
        elif not _fits(known[output.name], _shape(output)):
            yield f"its output {output.name} is not what the step makes"


def _taken(
    step: pb.ModelEnsembling.Step, part: pb.ModelConfig, known: dict[str, Shape]
) -> Iterator[str]:
    """What is wrong with the tensors that a step is given."""
    for tensor in part.input:
        source = step.input_map.get(tensor.name)
        if source is None:
            yield f"{part.name} is not given its {tensor.name}"
        elif source not in known:
            yield f"{part.name} is given {source}, which no step before it makes"
        elif not _fits(known[source], _shape(tensor)):
            yield f"{source} does not fit {part.name}'s {tensor.name}"


def _shape(tensor: pb.ModelInput | pb.ModelOutput) -> Shape:
    return tensor.data_type, list(tensor.dims)


def _fits(made: Shape, taken: Shape) -> bool:
    same = len(made[1]) == len(taken[1])
    return same and made[0] == taken[0] and all(
        -1 in {a, b} or a == b for a, b in zip(made[1], taken[1], strict=True)
    )  # fmt: skip
