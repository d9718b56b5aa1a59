"""The Python-based backend named onnxruntime, held to what the C++ one does."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import tritonclient.grpc as grpcclient
from onnx import TensorProto, helper
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

from audio.chorus_features import chorus_features
from deploy.embedded.repository import read_config
from deploy.embedded.triton import TritonStartError
from export.front_ends import CHORUS
from tests.conftest import PROJECT, new_triton
from tests.integration.processes import children
from tests.sounds import tones

POLICY = """dynamic_batching { max_queue_delay_microseconds: 300000 preferred_batch_size: [ 4 ] }
instance_group [ { kind: KIND_CPU count: 1 } ]"""


def save(folder: Path, graph: onnx.GraphProto, config: str) -> None:
    (folder / "1").mkdir(parents=True)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, folder / "1" / "model.onnx")
    (folder / "config.pbtxt").write_text(
        f'name: "{folder.name}" backend: "onnxruntime" max_batch_size: 8\n{config}'
    )


def lookup(folder: Path, *, threads: int = 1, dims: str = "1", kind: str = "INT64") -> None:
    """VALUE = TABLE[INDEX]: an index beyond the table makes ONNX Runtime fail."""
    graph = helper.make_graph(
        [
            helper.make_node("Gather", ["TABLE", "INDEX"], ["VALUE"]),
            helper.make_node("Identity", ["INDEX"], ["ECHO"]),
        ],
        "lookup",
        [helper.make_tensor_value_info("INDEX", TensorProto.INT64, ["batch", 1])],
        [
            helper.make_tensor_value_info("VALUE", TensorProto.FLOAT, ["batch", 1]),
            helper.make_tensor_value_info("ECHO", TensorProto.INT64, ["batch", 1]),
        ],
        [helper.make_tensor("TABLE", TensorProto.FLOAT, [4], [10, 11, 12, 13])],
    )
    save(
        folder,
        graph,
        f"""input [ {{ name: "INDEX" data_type: TYPE_{kind} dims: [ {dims} ] }} ]
output [ {{ name: "VALUE" data_type: TYPE_FP32 dims: [ 1 ] }},
         {{ name: "ECHO" data_type: TYPE_INT64 dims: [ 1 ] }} ]
parameters {{ key: "intra_op_thread_count" value: {{ string_value: "{threads}" }} }}
{POLICY}""",
    )


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("backend")
    lookup(folder / "models" / "one_thread")
    lookup(folder / "models" / "four_threads", threads=4)
    running = new_triton(folder / "models", folder / "work")
    yield running
    running.stop()


@pytest.fixture(scope="module")
def client(server):
    with grpcclient.InferenceServerClient(f"127.0.0.1:{server.ports.grpc}") as connection:
        yield connection


def ask(client, model, arrays, outputs=None):
    tensors = []
    for name, array in arrays.items():
        tensor = grpcclient.InferInput(name, list(array.shape), np_to_triton_dtype(array.dtype))
        tensor.set_data_from_numpy(array)
        tensors.append(tensor)
    wanted = [grpcclient.InferRequestedOutput(name) for name in outputs] if outputs else None
    return client.infer(model, tensors, outputs=wanted)


def index(*values):
    return {"INDEX": np.array(values, dtype=np.int64).reshape(-1, 1)}


def executions(client, model):
    (stats,) = client.get_inference_statistics(model).model_stats
    return stats.execution_count


def test_requests_are_run_together_and_each_gets_its_part(client):
    before = executions(client, "one_thread")
    with ThreadPoolExecutor(4) as pool:
        answers = list(
            pool.map(lambda i: ask(client, "one_thread", index(i)).as_numpy("VALUE"), range(4))
        )
    assert [answer.tolist() for answer in answers] == [[[10.0]], [[11.0]], [[12.0]], [[13.0]]]
    assert executions(client, "one_thread") - before == 1


def test_a_request_of_several_rows_keeps_them_together(client):
    assert ask(client, "one_thread", index(3, 0, 2)).as_numpy("VALUE").ravel().tolist() == [
        13.0,
        10.0,
        12.0,
    ]


def test_a_request_that_fails_in_the_graph_fails_alone(client):
    def outcome(i):
        try:
            return ask(client, "one_thread", index(i)).as_numpy("VALUE").item()
        except InferenceServerException as error:
            return str(error.message())

    before = executions(client, "one_thread")
    with ThreadPoolExecutor(4) as pool:
        first, bad, third, fourth = pool.map(outcome, [0, 99, 2, 3])
    assert (first, third, fourth) == (10.0, 12.0, 13.0)
    assert "onnx runtime:" in bad and "99" in bad
    assert executions(client, "one_thread") - before == 1  # they were one batch


def test_only_the_outputs_asked_for_are_sent(client):
    answer = ask(client, "one_thread", index(1), outputs=["ECHO"])
    assert answer.as_numpy("ECHO").item() == 1
    assert answer.as_numpy("VALUE") is None


def test_the_configurations_threads_are_used(server):
    threads = {}
    for pid, command in children(server.process.pid).items():
        for model in ("one_thread", "four_threads"):
            if f"{model}_0_0" in command:
                threads[model] = len(list(Path(f"/proc/{pid}/task").iterdir()))
    assert threads["four_threads"] - threads["one_thread"] == 3


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"dims": "2"}, "input INDEX has shape [-1, 1] in the model, [-1, 2] in the configuration"),
        ({"kind": "INT32"}, "input INDEX is tensor(int64) in the model, TYPE_INT32 in the config"),
    ],
)
def test_a_configuration_that_does_not_fit_the_model_is_refused_at_load(tmp_path, change, words):
    lookup(tmp_path / "models" / "misfit", **change)
    with pytest.raises(TritonStartError) as caught:
        new_triton(tmp_path / "models", tmp_path / "work")
    assert words in str(caught.value)


@pytest.mark.parametrize("windows", [1, 3, 8])
def test_served_genre_probabilities_are_those_of_plain_onnx_runtime(triton, windows):
    random = np.random.default_rng(windows)
    path = PROJECT / "model_repository" / "genre_vit" / "1" / "model.onnx"
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    _, *shape = read_config(path.parents[1] / "config.pbtxt").input[0].dims
    arrays = {
        "PICTURES": random.integers(0, 256, (2, windows, *shape), dtype=np.uint8),
        "WEIGHTS": np.ones((2, windows), dtype=np.float32),
    }
    with grpcclient.InferenceServerClient(f"127.0.0.1:{triton.ports.grpc}") as client:
        served = ask(client, "genre_vit", arrays).as_numpy("PROBABILITIES")
    (expected,) = session.run(["PROBABILITIES"], arrays)
    np.testing.assert_allclose(served, expected, atol=1e-5)


def test_served_chorus_curves_do_not_change_with_padding(triton):
    path = PROJECT / "model_repository" / "chorus_net" / "1" / "model.onnx"
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    samples = tones(300 * 0.192, CHORUS.sample_rate, channels=1)[:, 0]
    noise = np.random.default_rng(0).standard_normal(len(samples))
    song = chorus_features((samples + 0.05 * noise).astype(np.float32), CHORUS)[np.newaxis]
    assert song.shape[1] == 300
    padded = np.zeros((1, 512, song.shape[2]), np.float32)
    padded[:, :300] = song
    mask = np.zeros((1, 512), np.float32)
    mask[:, :300] = 1
    (expected,) = session.run(["CURVES"], {"FEATURES": song, "MASK": np.ones((1, 300), np.float32)})
    with grpcclient.InferenceServerClient(f"127.0.0.1:{triton.ports.grpc}") as client:
        served = ask(client, "chorus_net", {"FEATURES": padded, "MASK": mask}).as_numpy("CURVES")
    np.testing.assert_allclose(served[:, :300], expected, atol=1e-4)
