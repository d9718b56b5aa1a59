"""Faults of a repository, each said in its sentence; the bundled one has none."""

import shutil

import onnx
import pytest
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2 as pb

from export.__main__ import main
from export.check import faults
from tests.conftest import PROJECT

BUNDLED = PROJECT / "model_repository"


@pytest.fixture
def repository(tmp_path):
    """A copy to spoil, of the genre models alone."""
    for name in ("genre", "genre_mel", "genre_vit"):
        shutil.copytree(BUNDLED / name, tmp_path / name)
    return tmp_path


def edit(repository, name, change):
    path = repository / name / "config.pbtxt"
    config = text_format.Parse(path.read_text(), pb.ModelConfig())
    change(config)
    path.write_text(text_format.MessageToString(config))


def edit_network(repository, change):
    path = repository / "genre_vit" / "1" / "model.onnx"
    model = onnx.load(path)
    change(model)
    onnx.save(model, path)


def test_the_bundled_repository_has_no_fault():
    assert faults(BUNDLED, cores=1) == []


def clear(field):
    return lambda config: config.ClearField(field)


def put(name, key, value):
    def change(config):
        config.parameters.pop("scale_with_cores")
        config.parameters[key].string_value = value

    return lambda repository: edit(repository, name, change)


CASES = {
    "genre_vit: it is called other in its configuration.": lambda r: edit(
        r, "genre_vit", lambda c: setattr(c, "name", "other")
    ),
    "genre_mel: version 1 has no model.py.": lambda r: (r / "genre_mel/1/model.py").unlink(),
    "genre_vit: version 1 has no model.onnx.": lambda r: (r / "genre_vit/1/model.onnx").unlink(),
    "genre_mel: it has no version folder (1, 2 …).": lambda r: shutil.rmtree(r / "genre_mel" / "1"),
    "genre: its step genre_vit is no model of this repository.": lambda r: shutil.rmtree(
        r / "genre_vit"
    ),
    "genre_vit: labels.txt is missing, which names the classes of PROBABILITIES.": lambda r: (
        r / "genre_vit" / "labels.txt"
    ).unlink(),
    "genre: labels.txt has 2 labels, PROBABILITIES 16.": lambda r: (
        r / "genre" / "labels.txt"
    ).write_text("a\nb\n"),
    "genre_vit: it has no model_warmup, so the first request pays for it.": lambda r: edit(
        r, "genre_vit", clear("model_warmup")
    ),
    "genre_mel: its queue has no bound (max_queue_size).": lambda r: edit(
        r,
        "genre_mel",
        lambda c: c.dynamic_batching.default_queue_policy.ClearField("max_queue_size"),
    ),
    "genre_mel: its queue has no time limit (default_timeout_microseconds).": lambda r: edit(
        r, "genre_mel", lambda c: c.dynamic_batching.ClearField("default_queue_policy")
    ),
    "genre_vit: it has no instance_group: Triton would choose.": lambda r: edit(
        r, "genre_vit", clear("instance_group")
    ),
    "genre_vit: 1 instances of 3 threads are more than 2 cores.": put(
        "genre_vit", "intra_op_thread_count", "3"
    ),
    "genre_vit: it has no intra_op_thread_count: each instance would take every core.": put(
        "genre_vit", "intra_op_thread_count", "0"
    ),
    "genre_vit: its opset is 21, Triton 24.10 reads up to 20.": lambda r: edit_network(
        r, lambda m: setattr(m.opset_import[0], "version", 21)
    ),
    "genre_vit: its IR version is 10, Triton 24.10 reads up to 9.": lambda r: edit_network(
        r, lambda m: setattr(m, "ir_version", 10)
    ),
    "genre_vit: output PROBABILITIES is [-1, 15] in the configuration and [-1, 16] in the "
    "network.": (lambda r: edit(r, "genre_vit", lambda c: c.output[0].dims.__setitem__(0, 15))),
    "genre_vit: the network has no input LOUDNESS.": lambda r: edit(
        r, "genre_vit", lambda c: c.input.add(name="LOUDNESS", data_type=pb.TYPE_FP32, dims=[1])
    ),
    "genre_vit: the configuration lacks the network's input WEIGHTS.": lambda r: edit(
        r, "genre_vit", lambda c: c.input.pop()
    ),
    "genre_vit: input WEIGHTS is TYPE_FP64 in the configuration and FLOAT in the network.": (
        lambda r: edit(r, "genre_vit", lambda c: setattr(c.input[1], "data_type", pb.TYPE_FP64))
    ),
    "genre: genre_vit is not given its WEIGHTS.": lambda r: edit(
        r, "genre", lambda c: c.ensemble_scheduling.step[1].input_map.pop("WEIGHTS")
    ),
    "genre: genre_vit is given SOUND, which no step before it makes.": lambda r: edit(
        r,
        "genre",
        lambda c: c.ensemble_scheduling.step[1].input_map.update({"WEIGHTS": "SOUND"}),
    ),
    "genre: no step makes its output MOOD.": lambda r: edit(
        r, "genre", lambda c: c.output.add(name="MOOD", data_type=pb.TYPE_FP32, dims=[1])
    ),
    "genre: genre_mel makes no PITCH.": lambda r: edit(
        r, "genre", lambda c: c.ensemble_scheduling.step[0].output_map.update({"PITCH": "P"})
    ),
    "genre: its batches of 16 are over genre_mel's.": lambda r: edit(
        r, "genre", lambda c: setattr(c, "max_batch_size", 16)
    ),
    "genre: an ensemble cannot be warmed up, only its steps.": lambda r: edit(
        r, "genre", lambda c: c.model_warmup.add(name="x")
    ),
}


@pytest.mark.parametrize("sentence", CASES)
def test_each_fault_is_a_sentence(repository, sentence):
    CASES[sentence](repository)
    assert sentence in faults(repository, cores=2)


def test_damage_is_told(repository):
    (repository / "genre" / "config.pbtxt").write_text("name: {")
    path = repository / "genre_vit" / "1" / "model.onnx"
    path.write_bytes(path.read_bytes()[:-1000])
    found = faults(repository, cores=2)
    assert any(each.startswith("genre: its configuration cannot be read") for each in found)
    assert any(each.startswith("genre_vit: 1/model.onnx is damaged") for each in found)


def test_nothing_there_is_told(tmp_path):
    assert faults(tmp_path, 1) == [f"{tmp_path} holds no model."]
    assert faults(tmp_path / "none", 1) == [f"There is no folder {tmp_path / 'none'}."]


def test_the_command_ends_with_1_where_there_is_a_fault(repository, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["export", "check", str(repository)])
    assert main() == 0
    (repository / "genre" / "labels.txt").unlink()
    assert main() == 1
    assert "labels.txt is missing" in capsys.readouterr().out


def test_the_bench_prints_a_line_a_batch(monkeypatch, capsys):
    network = str(BUNDLED / "genre_vit" / "1")
    monkeypatch.setattr("sys.argv", ["export", "bench", network, "--rounds", "2"])
    assert main() == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if "genre_vit | fp32" in line]
    assert [line.split("|")[3].strip() for line in lines] == ["1", "2", "4", "8"]
    for path, words in (("nowhere", "no network at"), (__file__, "no network in ONNX's form")):
        monkeypatch.setattr("sys.argv", ["export", "bench", path])
        assert main() == 1
        assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["genre", "--checkpoint", "nowhere/at/all"], 1),
        (["genre"], 2),
        (["genre", "--checkpoint", "a", "--precision", "int4"], 2),
        (["genre", "--checkpoint", "a", "--cores", "0"], 2),
        (["sing"], 2),
    ],
)
def test_wrong_words_get_a_sentence_and_no_trace(monkeypatch, capsys, words, code):
    monkeypatch.setattr("sys.argv", ["export", *words])
    assert main() == code
    told = capsys.readouterr()
    assert told.err.strip()
    assert "Traceback" not in told.err
