"""From a checkpoint to three models, or to a sentence and nothing."""

import json
import subprocess
import sys

import numpy as np
import onnx
import pytest
import torch
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2 as pb

from audio.pictures import Pictures
from export import onnx_graphs, proof
from export.check import faults
from export.clips import made
from export.configs import Machine, Target
from export.errors import ExportError
from export.genre.checkpoint import load
from export.genre.export import Picture, Precision, Request, export_genre
from export.genre.graph import Served
from tests.export.genre.checkpoints import LABELS, pretrained

NAMES = ["genre_small", "genre_small_mel", "genre_small_vit"]


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkpoints") / "small"
    pretrained(folder)
    return folder


def empty(folder):
    repository = folder / "repository"
    repository.mkdir()
    return repository


def quietly(request):
    return export_genre(request, lambda _: None)


def config_of(repository, name):
    return text_format.Parse((repository / name / "config.pbtxt").read_text(), pb.ModelConfig())


@pytest.fixture(scope="module")
def exported(small, tmp_path_factory):
    repository = empty(tmp_path_factory.mktemp("exported"))
    return repository, quietly(Request(str(small), repository))


def test_three_models_are_written_without_a_fault(exported):
    repository, _ = exported
    assert sorted(each.name for each in repository.iterdir()) == NAMES
    assert faults(repository, cores=1) == []
    assert [each.name for each in repository.parent.iterdir()] == ["repository"]
    labels = (repository / "genre_small_vit" / "labels.txt").read_text().split()
    assert labels == LABELS


def test_the_report_says_what_was_proven(exported):
    repository, report = exported
    path = repository / "genre_small_vit" / "1"
    assert json.loads((path / "export.json").read_text()) == report
    # the last layer's attention has one query: it stays as it is
    assert report["fused"] == {"Attention": 1, "BiasGelu": 2}
    assert report["exporter"] in {"dynamo", "torchscript"}
    assert max(report["largest_difference"].values()) <= proof.EXACT
    assert (report["ir_version"], report["opset"] <= 20) == (9, True)
    assert str(repository) not in (path / "export.json").read_text()
    model = onnx.load(path / "model.onnx")
    assert not any(node.metadata_props or node.doc_string for node in model.graph.node)


@pytest.mark.parametrize("batch", [1, 2, 7])
@pytest.mark.parametrize("windows", [1, 2, 5])
def test_the_file_is_the_network_at_every_batch(exported, small, batch, windows):
    run = proof.runner(onnx.load(exported[0] / "genre_small_vit" / "1" / "model.onnx"))
    chance = np.random.default_rng(batch)
    pictures = chance.integers(0, 256, (batch, windows, 3, 48, 48), dtype=np.uint8)
    weights = np.ones((batch, windows), dtype=np.float32)
    weights[0, 1:] = 0.0
    network = load(str(small)).network
    mean = torch.tensor([0.4, 0.5, 0.6]).reshape(3, 1, 1)
    std = torch.tensor([0.2, 0.3, 0.4]).reshape(3, 1, 1)
    for song, answer in enumerate(run(pictures, weights)):
        seen = torch.from_numpy(pictures[song, :1] if song == 0 else pictures[song])
        with torch.no_grad():
            each = network((seen / 255 - mean) / std).logits.softmax(dim=-1)
        np.testing.assert_allclose(answer, each.mean(dim=0), atol=proof.EXACT)


def test_a_second_version_stands_beside_the_first(small, tmp_path):
    repository = empty(tmp_path)
    quietly(Request(str(small), repository))
    first = (repository / "genre_small_vit" / "1" / "model.onnx").read_bytes()
    with pytest.raises(ExportError, match=r"genre_small_mel is there already.* 2,"):
        quietly(Request(str(small), repository))
    quietly(Request(str(small), repository, version=2))
    assert (repository / "genre_small_vit" / "1" / "model.onnx").read_bytes() == first
    assert (repository / "genre_small_vit" / "2" / "model.onnx").is_file()
    parameters = config_of(repository, "genre_small").parameters
    assert parameters["model_version"].string_value == "2.0.0"
    assert faults(repository, cores=1) == []
    with pytest.raises(ExportError, match="with another configuration"):
        quietly(Request(str(small), repository, version=3, picture=Picture.GREY))


def test_int8_that_is_not_worth_it_is_refused_and_nothing_is_left(small, tmp_path):
    """A network this small gains nothing from 8 bits."""
    repository = empty(tmp_path)
    with pytest.raises(ExportError, match=r"int8 is refused: .* times as fast"):
        quietly(Request(str(small), repository, precision=Precision.INT8))
    assert list(repository.iterdir()) == []
    assert [each.name for each in tmp_path.iterdir()] == ["repository"]


@pytest.mark.parametrize(
    ("gate", "words"),
    [
        (proof.Gate(1.4, 1.0, 0.0), "1.40 times as fast"),
        (proof.Gate(2.0, 0.98, 0.0), "for 98.0% of the pictures"),
        (proof.Gate(2.0, 1.0, 0.02), "off by 0.0200 on average"),
    ],
)
def test_the_gate_names_what_fails(gate, words):
    with pytest.raises(ExportError, match=words):
        gate.refuse()
    proof.Gate(1.5, 0.99, 0.01).refuse()


def test_int8_quantises_every_product_of_weights(small):
    plain = onnx.load_model_from_string(_plain(small))
    narrow = onnx_graphs.operators(onnx_graphs.quantised(plain))
    # q, k, v, out, two of the MLP a layer, and the classifier where it is a product
    assert narrow["MatMulInteger"] >= 2 * 6
    assert narrow["MatMul"] == 2 * 2  # what attention multiplies are no weights
    assert narrow["Gelu"] == 2
    assert narrow["Erf"] == 0


def test_the_last_layer_computes_the_first_token_alone(small):
    """The classifier reads no other."""
    model = onnx.shape_inference.infer_shapes(onnx.load_model_from_string(_plain(small)))
    shapes = {
        each.name: [d.dim_value for d in each.type.tensor_type.shape.dim]
        for each in model.graph.value_info
    }
    tokens = [
        shapes[node.output[0]][1]
        for node in model.graph.node
        if node.op_type == "MatMul" and shapes[node.output[0]][-1:] == [96]  # the MLPs' width
    ]
    assert tokens == [10, 1]


def _plain(small):
    from export.genre.graph import to_onnx

    return to_onnx(Served(load(str(small))).eval(), 3, 48)[0].SerializeToString()


def test_fp16_for_a_gpu_keeps_the_norms_whole(small, tmp_path):
    repository = empty(tmp_path)
    machine = Machine(Target.CUDA, cores=4, gpus=1)
    report = quietly(Request(str(small), repository, precision=Precision.FP16, machine=machine))
    assert report["largest_difference"]["fp16"] <= proof.HALF
    model = onnx.load(repository / "genre_small_vit" / "1" / "model.onnx")
    kinds = {each.name: each.data_type for each in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "LayerNormalization":
            assert kinds[node.input[1]] == onnx.TensorProto.FLOAT
    assert onnx.TensorProto.FLOAT16 in kinds.values()
    config = config_of(repository, "genre_small_vit")
    assert config.instance_group[0].kind == pb.ModelInstanceGroup.KIND_GPU
    assert config.parameters["cudnn_conv_algo_search"].string_value == "1"
    assert config_of(repository, "genre_small_mel").instance_group[0].count == 4


def test_sums_are_fused_with_norms_on_a_gpu_alone(small, tmp_path):
    """On a CPU the one operator is slower than the two."""
    repository = empty(tmp_path)
    machine = Machine(Target.CUDA, cores=1, gpus=1)
    report = quietly(Request(str(small), repository, machine=machine))
    assert report["fused"] == {"Attention": 1, "BiasGelu": 2, "SkipLayerNormalization": 4}


def test_tensorrt_gets_a_plain_graph_and_profiles(small, tmp_path):
    repository = empty(tmp_path)
    quietly(Request(str(small), repository, machine=Machine(Target.TENSORRT, 2, 2)))
    model = onnx.load(repository / "genre_small_vit" / "1" / "model.onnx")
    assert {node.domain for node in model.graph.node} <= {"", "ai.onnx"}
    config = config_of(repository, "genre_small_vit")
    (engine,) = config.optimization.execution_accelerators.gpu_execution_accelerator
    assert engine.name == "tensorrt"
    assert engine.parameters["precision_mode"] == "FP16"
    assert engine.parameters["trt_profile_min_shapes"] == "PICTURES:1x1x3x48x48,WEIGHTS:1x1"
    assert engine.parameters["trt_profile_max_shapes"] == "PICTURES:8x8x3x48x48,WEIGHTS:8x8"
    assert list(config.instance_group[0].gpus) == [0, 1]


def test_a_grey_picture_may_be_shown_to_a_network_of_colours(small, tmp_path):
    repository = empty(tmp_path)
    quietly(Request(str(small), repository, picture=Picture.GREY, name="grey"))
    inputs = config_of(repository, "grey_vit").input
    assert list(inputs[0].dims) == [-1, 1, 48, 48]
    parameters = config_of(repository, "grey_mel").parameters
    look = Pictures.from_parameters({k: v.string_value for k, v in parameters.items()}, 8)
    assert look.of(next(iter(made(22_050)))).shape == (1, 1, 48, 48)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"precision": Precision.FP16}, "fp16 is for GPUs"),
        ({"name": "my model"}, "is no model name"),
        ({"version": 0}, "a number from 1 on"),
        ({"window_seconds": 0.0}, "a window is more than 0"),
        ({"window_seconds": float("nan")}, "a window is more than 0"),
        ({"window_seconds": 1e9}, "at most 600 seconds"),
        ({"window_seconds": 1e-3}, "a window of no time"),
        ({"clips": "empty"}, "holds no audio file"),
        ({"repository": "nowhere"}, "there is no model repository"),
    ],
)
def test_what_cannot_be_is_said_and_nothing_written(small, tmp_path, changes, words):
    repository = empty(tmp_path)
    (tmp_path / "empty").mkdir()
    changes = {
        key: tmp_path / value if value in {"empty", "nowhere"} else value
        for key, value in changes.items()
    }
    with pytest.raises(ExportError, match=words):
        quietly(Request(**{"checkpoint": str(small), "repository": repository, **changes}))
    assert list(repository.iterdir()) == []


def test_a_full_disk_leaves_the_repository_as_it_was(small, tmp_path):
    """The limit is on the size of files, as a full disk would be met while writing."""
    repository = empty(tmp_path)
    code = (
        "import resource, sys; from export.__main__ import main; import torch, transformers;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000));"
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); sys.exit(main())"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, "genre", "--checkpoint", small, "--repository",
         repository], capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert list(repository.iterdir()) == []
    assert [each.name for each in tmp_path.iterdir()] == ["repository"]
