"""Only files that every Triton we serve with can load are written."""

from __future__ import annotations

import onnx
import pytest
from onnx import TensorProto, helper

from export.training.onnx_file import save


def model(opset):
    """One that copies its input."""
    side = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in ("A", "B")]
    graph = helper.make_graph(
        [helper.make_node("Identity", ["A"], ["B"])], "copy", side[:1], side[1:]
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])


def test_a_saved_model_has_ir_9_and_its_metadata(tmp_path):
    save(model(17), tmp_path / "1" / "model.onnx", metadata={"license": "Apache-2.0"})
    stored = onnx.load(tmp_path / "1" / "model.onnx")
    assert stored.ir_version == 9
    assert {entry.key: entry.value for entry in stored.metadata_props} == {"license": "Apache-2.0"}
    assert [path.name for path in (tmp_path / "1").iterdir()] == ["model.onnx"]


def test_what_the_exporter_noted_of_its_machine_is_left_out(tmp_path):
    noted = model(17)
    noted.graph.node[0].metadata_props.add(key="stack_trace", value="a path of a machine")
    noted.graph.input[0].doc_string = "another path of a machine"
    save(noted, tmp_path / "model.onnx", metadata={})
    assert b"of a machine" not in (tmp_path / "model.onnx").read_bytes()


def test_a_newer_opset_is_refused_and_leaves_the_old_file(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"old")
    with pytest.raises(ValueError, match="opset 21"):
        save(model(21), path, metadata={})
    assert path.read_bytes() == b"old"


def test_a_broken_graph_is_refused(tmp_path):
    broken = model(17)
    broken.graph.node[0].op_type = "NoSuchOperator"
    with pytest.raises(onnx.checker.ValidationError):
        save(broken, tmp_path / "model.onnx", metadata={})
    assert not list(tmp_path.iterdir())
