"""The model repository's configurations, parsed as Triton parses them."""

import hashlib
import shutil

import onnx
import pytest
from tritonclient.grpc.model_config_pb2 import ModelConfig, ModelQueuePolicy

from deploy.embedded.repository import read_config, scale, write_scaled
from tests.conftest import PROJECT

REPOSITORY = PROJECT / "model_repository"
CONFIGS = {path.parent.name: read_config(path) for path in REPOSITORY.glob("*/config.pbtxt")}
PARTS = {name: config for name, config in CONFIGS.items() if config.platform != "ensemble"}
NETWORKS = {name: config for name, config in PARTS.items() if config.backend == "onnxruntime"}


def test_the_repository_holds_two_ensembles_and_their_parts():
    assert set(CONFIGS) - set(PARTS) == {"genre", "chorus"}
    used = {
        step.model_name
        for name in ("genre", "chorus")
        for step in CONFIGS[name].ensemble_scheduling.step
    }
    assert used == set(PARTS)


@pytest.mark.parametrize("name", CONFIGS)
def test_a_model_is_named_as_its_folder(name):
    assert CONFIGS[name].name == name
    assert (REPOSITORY / name / "1").is_dir()


@pytest.mark.parametrize("name", PARTS)
def test_every_part_rejects_what_it_cannot_answer_in_time(name):
    policy = PARTS[name].dynamic_batching.default_queue_policy
    assert policy.timeout_action == ModelQueuePolicy.REJECT
    assert policy.default_timeout_microseconds > 0
    assert policy.allow_timeout_override
    assert policy.max_queue_size > 0


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_is_warmed_up_and_names_its_threads(name):
    assert NETWORKS[name].model_warmup
    assert NETWORKS[name].parameters["intra_op_thread_count"].string_value == "1"


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_loads_in_the_oldest_runtime_we_serve_with(name):
    model = onnx.load(REPOSITORY / name / "1" / "model.onnx")
    assert model.ir_version <= 9
    assert all(each.version <= 20 for each in model.opset_import if each.domain in {"", "ai.onnx"})
    assert {each.domain for each in model.opset_import} <= {"", "ai.onnx"}


@pytest.mark.parametrize(
    ("ensemble", "network"), [("genre", "genre_vit"), ("chorus", "chorus_net")]
)
def test_an_ensemble_names_the_version_of_its_network(ensemble, network):
    model = onnx.load(REPOSITORY / network / "1" / "model.onnx")
    written = {entry.key: entry.value for entry in model.metadata_props}["model_version"]
    assert CONFIGS[ensemble].parameters["model_version"].string_value == written
    card = (REPOSITORY / network / "model_card.md").read_text()
    content = (REPOSITORY / network / "1" / "model.onnx").read_bytes()
    assert written in card
    assert hashlib.sha256(content).hexdigest() in card


@pytest.mark.parametrize("cores", [1, 2, 3, 8, 13, 64])
@pytest.mark.parametrize("name", PARTS)
def test_instances_times_threads_never_exceed_the_cores(name, cores):
    config = ModelConfig()
    config.CopyFrom(PARTS[name])
    scale(config, cores)
    threads = config.parameters.get("intra_op_thread_count")
    total = config.instance_group[0].count * int(threads.string_value if threads else 1)
    assert 1 <= total <= cores
    if "scale_with_cores" in config.parameters and cores in {1, 2, 8, 64}:
        assert total == cores


def test_scaling_leaves_the_repository_as_it_was(tmp_path):
    source = tmp_path / "source"
    shutil.copytree(REPOSITORY, source, ignore=shutil.ignore_patterns("__pycache__"))
    before = {path: path.read_bytes() for path in source.rglob("*") if path.is_file()}
    write_scaled(source, tmp_path / "scaled", 8)
    assert before == {path: path.read_bytes() for path in source.rglob("*") if path.is_file()}
    scaled = read_config(tmp_path / "scaled" / "genre_mel" / "config.pbtxt")
    assert scaled.instance_group[0].count == 8
    assert (tmp_path / "scaled" / "genre_vit" / "1" / "model.onnx").is_file()


def test_a_folder_without_models_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="no model repository"):
        write_scaled(tmp_path, tmp_path / "scaled", 1)
