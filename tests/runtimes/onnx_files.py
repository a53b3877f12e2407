"""Writes small ONNX files, honest and crafted ones."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

WEIGHT = np.arange(12, dtype=np.float32).reshape(4, 3) / 10


def linear(path: Path) -> Path:
    """`y` = `x` @ WEIGHT, and `total`, its sum; `x` is FP32 [-1, 4]."""
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["y"]),
        helper.make_node("ReduceSum", ["y"], ["total"], keepdims=0),
    ]
    return _save(
        path,
        nodes,
        [_tensor("x", TensorProto.FLOAT, ["batch", 4])],
        [_tensor("y", TensorProto.FLOAT, ["batch", 3]), _tensor("total", TensorProto.FLOAT, [])],
        [numpy_helper.from_array(WEIGHT, "w")],
    )


def half_linear(path: Path) -> Path:
    """`y` = `x` @ WEIGHT in half precision; `x` is FP16 [1, 4]."""
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"])]
    x, y = _tensor("x", TensorProto.FLOAT16, [1, 4]), _tensor("y", TensorProto.FLOAT16, [1, 3])
    return _save(path, nodes, [x], [y], [numpy_helper.from_array(WEIGHT.astype(np.float16), "w")])


def negation(path: Path) -> Path:
    """`y` = -`x`, FP32 of any length: as much data out as in."""
    nodes = [helper.make_node("Neg", ["x"], ["y"])]
    x, y = (_tensor(name, TensorProto.FLOAT, ["n"]) for name in "xy")
    return _save(path, nodes, [x], [y])


def strings(path: Path) -> Path:
    """`y` is the string tensor `x`, any length."""
    nodes = [helper.make_node("Identity", ["x"], ["y"])]
    x, y = (_tensor(name, TensorProto.STRING, ["n"]) for name in "xy")
    return _save(path, nodes, [x], [y])


def countdown(path: Path) -> Path:
    """`y` counts to `trips` (INT64 scalar), one loop iteration after the other: as slow as one asks."""
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["on"]), helper.make_node("Add", ["n", "one"], ["m"])],
        "body",
        [
            _tensor("i", TensorProto.INT64, []),
            _tensor("go", TensorProto.BOOL, []),
            _tensor("n", TensorProto.INT64, []),
        ],
        [_tensor("on", TensorProto.BOOL, []), _tensor("m", TensorProto.INT64, [])],
        [numpy_helper.from_array(np.array(1, np.int64), "one")],
    )
    nodes = [helper.make_node("Loop", ["trips", "true", "zero"], ["y"], body=body)]
    constants = [
        numpy_helper.from_array(np.array(True), "true"),
        numpy_helper.from_array(np.array(0, np.int64), "zero"),
    ]
    trips, y = (_tensor(name, TensorProto.INT64, []) for name in ("trips", "y"))
    return _save(path, nodes, [trips], [y], constants)


def glutton(path: Path) -> Path:
    """Allocates as many float32 as `length` (INT64 [1]) says and gives their sum."""
    nodes = [
        helper.make_node("ConstantOfShape", ["length"], ["zeros"]),
        helper.make_node("ReduceSum", ["zeros"], ["y"], keepdims=0),
    ]
    length, y = _tensor("length", TensorProto.INT64, [1]), _tensor("y", TensorProto.FLOAT, [])
    return _save(path, nodes, [length], [y])


def endless_constant(path: Path) -> Path:
    """As `countdown` with the trips written into the file: whoever folds constants never has it loaded."""
    counting = onnx.load(countdown(path))
    counting.graph.initializer.append(numpy_helper.from_array(np.array(2**62, np.int64), "trips"))
    del counting.graph.input[:]
    counting.graph.node[0].output[0] = "counted"
    counting.graph.node.append(helper.make_node("Mul", ["counted", "x"], ["y"]))
    counting.graph.input.append(_tensor("x", TensorProto.INT64, []))
    path.write_bytes(counting.SerializeToString())
    return path


def gluttonous_constant(path: Path, length: int) -> Path:
    """As `glutton` with the length written into the file: whoever folds constants allocates as it is loaded."""
    nodes = [
        helper.make_node("ConstantOfShape", ["length"], ["zeros"]),
        helper.make_node("Add", ["zeros", "x"], ["sum"]),
        helper.make_node("ReduceSum", ["sum"], ["y"], keepdims=0),
    ]
    x, y = (_tensor(name, TensorProto.FLOAT, []) for name in "xy")
    return _save(path, nodes, [x], [y], [numpy_helper.from_array(np.array([length], np.int64), "length")])


def unknown_operator(path: Path) -> Path:
    nodes = [helper.make_node("Frobnicate", ["x"], ["y"], domain="example.invalid")]
    x, y = (_tensor(name, TensorProto.FLOAT, [1]) for name in "xy")
    return _save(path, nodes, [x], [y])


def external_data(path: Path, location: str) -> Path:
    """Its weight lies in another file, at `location` relative to the model."""
    weight = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[4, 3])
    weight.data_location = TensorProto.EXTERNAL
    weight.external_data.add(key="location", value=location)
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"])]
    x, y = _tensor("x", TensorProto.FLOAT, [1, 4]), _tensor("y", TensorProto.FLOAT, [1, 3])
    return _save(path, nodes, [x], [y], [weight])


def _tensor(name: str, kind: int, shape: list[Any]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, shape)


def _save(
    path: Path,
    nodes: list[onnx.NodeProto],
    inputs: list[onnx.ValueInfoProto],
    outputs: list[onnx.ValueInfoProto],
    constants: list[TensorProto] | None = None,
) -> Path:
    graph = helper.make_graph(nodes, "test", inputs, outputs, constants or [])
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("example.invalid", 1)],
        ir_version=9,
    )
    path.write_bytes(model.SerializeToString())
    return path


def bfloat_square(path: Path) -> Path:
    """`y` = `x` squared, `half` = `x` in FP32, `t` = -`s`; `x` and `y` are BF16 [-1, 4], `s` and `t` FP32 [1]."""
    nodes = [
        helper.make_node("Cast", ["x"], ["half"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["half", "half"], ["square"]),
        helper.make_node("Cast", ["square"], ["y"], to=TensorProto.BFLOAT16),
        helper.make_node("Neg", ["s"], ["t"]),
    ]
    return _save(
        path,
        nodes,
        [_tensor("x", TensorProto.BFLOAT16, ["n", 4]), _tensor("s", TensorProto.FLOAT, [1])],
        [
            _tensor("y", TensorProto.BFLOAT16, ["n", 4]),
            _tensor("half", TensorProto.FLOAT, ["n", 4]),
            _tensor("t", TensorProto.FLOAT, [1]),
        ],
    )


def bfloat_sum(path: Path) -> Path:
    """`y` = `x` + `x` in BF16 [1, 4]: onnxruntime has no such kernel for processors."""
    x, y = (_tensor(name, TensorProto.BFLOAT16, [1, 4]) for name in "xy")
    return _save(path, [helper.make_node("Add", ["x", "x"], ["y"])], [x], [y])
