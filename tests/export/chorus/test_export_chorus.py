"""From a chorus checkpoint to four models, or to a sentence and nothing."""

import json
import shutil
from dataclasses import replace

import numpy as np
import onnx
import pytest
import torch
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2 as pb

from audio.chorus_curves import ChorusCurves
from audio.chorus_features import N_FEATURES
from audio.chorus_inputs import ChorusInputs
from export import proof
from export.__main__ import main
from export.check import faults
from export.chorus.export import Request, export_chorus
from export.configs import Machine, Target
from export.errors import ExportError
from export.onnx_graphs import operators
from export.training.chorus.network import ChorusNet
from export.training.chorus.recipe import default_shape
from tests.conftest import PROJECT
from tests.export.chorus.in_numpy import Network, layers_of, write

PARTS = ["", "_mel", "_net", "_segments"]


def quietly(checkpoint, repository, **more):
    return export_chorus(Request(checkpoint, repository, **more), lambda _: None)


def empty(folder):
    repository = folder / "repository"
    repository.mkdir()
    return repository


def config_of(repository, name):
    return text_format.Parse((repository / name / "config.pbtxt").read_text(), pb.ModelConfig())


def parameters_of(repository, name):
    found = config_of(repository, name).parameters
    return {key: each.string_value for key, each in found.items()}


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    """Networks this small spend their time waiting for each other's threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def keras_file(tmp_path_factory):
    return write(tmp_path_factory.mktemp("keras") / "Published.h5", layers_of())


@pytest.fixture(scope="module")
def published(keras_file, tmp_path_factory):
    repository = empty(tmp_path_factory.mktemp("published"))
    return repository, quietly(keras_file, repository)


def test_four_models_are_written_without_a_fault(published):
    repository, _ = published
    names = [f"chorus_published{part}" for part in PARTS]
    assert sorted(each.name for each in repository.iterdir()) == names
    assert faults(repository, cores=1) == []
    assert [each.name for each in repository.parent.iterdir()] == ["repository"]


def test_the_report_says_what_was_proven(published):
    repository, report = published
    path = repository / "chorus_published_net" / "1" / "export.json"
    assert json.loads(path.read_text()) == report
    assert set(report["largest_difference"]) == {"plain", "fused"}
    assert max(report["largest_difference"].values()) <= proof.EXACT
    assert (report["graph"], report["fused"]) == ("fused", {"MultiHeadAttention": 3})
    assert (report["ir_version"], report["opset"] <= 20) == (9, True)
    assert report["source"] == "Published.h5"
    assert report["milliseconds"]["median"] > 0


@pytest.mark.parametrize("frames", [45, 54, 99, 477])
@pytest.mark.parametrize("batch", [1, 2, 7])
def test_the_file_is_the_network_at_odd_lengths(published, frames, batch):
    run = proof.runner(onnx.load(published[0] / "chorus_published_net" / "1" / "model.onnx"))
    features = np.random.default_rng(frames).exponential(1.0, (batch, frames, 128))
    answer = run(features.astype(np.float32))
    assert answer.shape == (batch, frames // 43, 1)
    for song in {0, batch - 1}:
        np.testing.assert_allclose(answer[song, :, 0], Network()(features[song]), atol=proof.EXACT)


def test_front_end_smoothing_and_rules_are_configuration(published):
    repository, _ = published
    inputs = ChorusInputs.from_parameters(parameters_of(repository, "chorus_published_mel"))
    front = inputs.front
    assert (front.power, front.fmin, front.fmax, front.pad_mode) == (1, 20, 5000, "reflect")
    assert (inputs.kind, inputs.multiple, inputs.least, inputs.buckets) == ("mel", 9, 45, ())
    cut = parameters_of(repository, "chorus_published_segments")
    assert ChorusCurves.from_parameters(cut) == ChorusCurves("min_max", 9, 4)
    assert float(cut["frame_sec"]) == pytest.approx(43 * front.seconds_per_column, abs=1e-6)


def test_songs_of_different_length_never_share_a_batch(published):
    """It has no mask: silence behind a song would change its scores."""
    for part in PARTS:
        assert config_of(published[0], f"chorus_published{part}").max_batch_size == 1
    steps = config_of(published[0], "chorus_published").ensemble_scheduling.step
    assert not any("MASK" in step.output_map for step in steps)


def test_tensorrt_gets_a_plain_graph_and_an_engine_for_ten_minutes(keras_file, tmp_path):
    repository = empty(tmp_path)
    machine = Machine(Target.TENSORRT, cores=2, gpus=1)
    report = quietly(keras_file, repository, name="plain", machine=machine)
    model = onnx.load(repository / "plain_net" / "1" / "model.onnx")
    assert {node.domain for node in model.graph.node} <= {"", "ai.onnx"}
    assert (operators(model)["Softmax"], report["graph"]) == (3, "plain")
    config = config_of(repository, "plain_net")
    (engine,) = config.optimization.execution_accelerators.gpu_execution_accelerator
    assert engine.parameters["trt_profile_min_shapes"] == "FEATURES:1x45x128"
    longest = engine.parameters["trt_profile_max_shapes"].removeprefix("FEATURES:1x")
    assert int(longest.removesuffix("x128")) >= 600 * 22_050 / 512 + 10


def test_cuda_keeps_the_fused_attention(keras_file, tmp_path):
    repository = empty(tmp_path)
    quietly(keras_file, repository, name="cuda", machine=Machine(Target.CUDA, 1, 1))
    model = onnx.load(repository / "cuda_net" / "1" / "model.onnx")
    assert operators(model)["MultiHeadAttention"] == 3
    assert parameters_of(repository, "cuda_net")["cudnn_conv_algo_search"] == "1"


def test_a_second_version_stands_beside_the_first(keras_file, tmp_path):
    repository = empty(tmp_path)
    quietly(keras_file, repository)
    with pytest.raises(ExportError, match=r"is there already: give --version 2"):
        quietly(keras_file, repository)
    quietly(keras_file, repository, version=2)
    versions = sorted(each.name for each in (repository / "chorus_published_net").glob("[0-9]"))
    assert versions == ["1", "2"]
    assert faults(repository, cores=1) == []


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """What the recipe leaves, of two networks with chance weights."""
    folder = tmp_path_factory.mktemp("recipe")
    (folder / "checkpoints").mkdir()
    for number in range(2):
        torch.manual_seed(number)
        net = ChorusNet(default_shape())
        for value in net.parameters():
            value.data += 0.1 * torch.randn_like(value)
        state = {"epoch": 4, "net": net.state_dict(), "average": net.state_dict()}
        torch.save(state, folder / "checkpoints" / f"net{number}.pt")
    (folder / "calibration.json").write_text('{"scale": 0.7, "shift": -0.4}')
    return folder


def test_our_own_checkpoints_become_four_models(work, tmp_path):
    repository = empty(tmp_path)
    report = quietly(work, repository, name="chorus_mine")
    assert (report["networks"], report["calibration"]) == (2, {"scale": 0.7, "shift": -0.4})
    assert max(report["largest_difference"].values()) <= proof.EXACT
    assert faults(repository, cores=1) == []
    inputs = ChorusInputs.from_parameters(parameters_of(repository, "chorus_mine_mel"))
    bundled = ChorusInputs.from_parameters(
        parameters_of(PROJECT / "model_repository", "chorus_mel")
    )
    assert inputs == bundled


def narrow(path):
    """A network of an earlier version, with fewer features."""
    net = ChorusNet(replace(default_shape(), features=N_FEATURES - 3))
    torch.save({"average": net.state_dict()}, path)


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-5000]), "net1.pt is no checkpoint of"),
        (lambda path: torch.save({"model": 1}, path), "net1.pt is no checkpoint of"),
        (lambda path: torch.save(print, path), "net1.pt is no checkpoint of"),
        (narrow, f"was trained on {N_FEATURES - 3} features"),
        (lambda path: [each.unlink() for each in path.parent.iterdir()], "holds no checkpoints"),
        (
            lambda path: (path.parents[1] / "calibration.json").write_text("{}"),
            "calibration.json does not hold a scale and a shift",
        ),
    ],
)
def test_what_is_wrong_with_our_own_is_said_and_nothing_written(work, tmp_path, harm, words):
    shutil.copytree(work, tmp_path / "work")
    repository = empty(tmp_path)
    harm(tmp_path / "work" / "checkpoints" / "net1.pt")
    with pytest.raises(ExportError, match=words):
        quietly(tmp_path / "work", repository)
    assert list(repository.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--checkpoint", "nowhere.h5"], "export: there is no nowhere.h5"),
        (["--checkpoint", "KERAS", "--name", "my chorus"], "is no model name"),
        (["--checkpoint", "KERAS", "--version", "0"], "a version is a number from 1 on"),
        (["--checkpoint", "KERAS", "--repository", "nowhere"], "no model repository at nowhere"),
    ],
)
def test_the_command_says_what_is_wrong_in_a_sentence(
    keras_file, tmp_path, capsys, monkeypatch, arguments, words
):
    repository = empty(tmp_path)
    given = [str(keras_file) if each == "KERAS" else each for each in arguments]
    ours = [] if "--repository" in given else ["--repository", str(repository)]
    monkeypatch.setattr("sys.argv", ["export", "chorus", *given, *ours])
    assert main() == 1
    said = capsys.readouterr().err
    assert words in said and said.count("\n") == 1
    assert list(repository.iterdir()) == []
