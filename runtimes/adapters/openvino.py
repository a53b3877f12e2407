"""OpenVINO: ONNX models on Intel and Arm processors, Intel GPUs and NPUs; every setting made on purpose."""

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import openvino

from runtimes.adapters.outofmemory import memory_ran_out
from runtimes.adapters.threads import shares
from runtimes.adapters.weightsfile import refuse_what_is_no_model
from runtimes.datatypes import DTYPES
from runtimes.engine import (
    Candidate,
    EngineDescription,
    InForce,
    ModelFile,
    ModelFormat,
    Rejection,
    Tensor,
    Tensors,
    TensorSpec,
)
from runtimes.errors import EngineError
from runtimes.hardware.profile import Accelerator, HardwareProfile

CPU = "CPU"
_SHARES = {"GPU": ((1, 1), (1, 2))}
"""Threads and streams on what is no processor; one of each where nothing is said."""
_CAPABILITIES = {"f32": "FP32", "bf16": "BF16", "f16": "FP16"}
_MEMORY_STATISTICS = "GPU_MEMORY_STATISTICS"
_DATATYPES = {
    "boolean": "BOOL",
    "u8": "UINT8",
    "u16": "UINT16",
    "u32": "UINT32",
    "u64": "UINT64",
    "i8": "INT8",
    "i16": "INT16",
    "i32": "INT32",
    "i64": "INT64",
    "f16": "FP16",
    "bf16": "BF16",
    "f32": "FP32",
    "f64": "FP64",
}
"""By OpenVINO's own names: its numpy type for bf16 is float16, and others are as misleading."""


class OpenVino:
    """The adapter. Never AUTO: it starts on the CPU and moves, and answers change in mid-stream."""

    name = "openvino"

    def __init__(self) -> None:
        self._core = openvino.Core()

    def describe(self) -> EngineDescription:
        version = openvino.get_version().split("-")[0]
        return EngineDescription(self.name, version, (ModelFormat.ONNX,), tuple(self._core.available_devices))

    def candidates(self, model: ModelFile, hardware: HardwareProfile) -> Sequence[Candidate | Rejection]:
        if model.format is not ModelFormat.ONNX:
            reason = f"OpenVINO does not read {model.format.upper()} files here."
            return [Rejection(self.name, "", "format.unsupported", reason)]
        refuse_what_is_no_model(model.path)
        ways: list[Candidate | Rejection] = []
        for device in sorted(self._core.available_devices, key=lambda device: device == CPU):
            ways += [
                Candidate(self.name, device, precision, threads, {"streams": streams})
                for threads, streams in (
                    shares(hardware.cpu)
                    if device == CPU
                    else _SHARES.get(device.partition(".")[0], ((1, 1),))
                )
                for precision in self._precisions(device)
            ]
        return ways + self._out_of_reach(hardware)

    def _precisions(self, device: str) -> list[str]:
        able = self._core.get_property(device, "OPTIMIZATION_CAPABILITIES")
        order = ("bf16", "f32") if device == CPU else ("f16", "f32")
        return [precision for precision in order if _CAPABILITIES[precision] in able]

    def _out_of_reach(self, hardware: HardwareProfile) -> list[Candidate | Rejection]:
        """Intel accelerators that are in the machine but that the engine does not see."""
        seen = [device.partition(".")[0] for device in self._core.available_devices]
        return [
            _unseen(card)
            for card in hardware.accelerators
            if card.vendor == "intel" and card.kind.upper() not in seen
        ]

    def load(self, model: ModelFile, candidate: Candidate, cache: Path | None) -> "OpenVinoModel":
        """Compile for exactly the candidate's device and precision.

        Raises EngineError: `model.invalid`, `model.unsupported`, `device.absent`, `device.fell-back`,
        `precision.unsupported`.
        """
        refuse_what_is_no_model(model.path)
        if candidate.device not in self._core.available_devices:
            raise EngineError(
                "device.absent",
                f"OpenVINO has no device {candidate.device!r} here.",
                remedy="Check the device's driver and loader library, or choose another device.",
            )
        if candidate.precision not in self._precisions(candidate.device):
            raise EngineError(
                "precision.unsupported",
                f"OpenVINO does not compute in {candidate.precision} on {candidate.device} here.",
            )
        try:
            graph = self._core.read_model(str(model.path))
            compiled = self._core.compile_model(graph, candidate.device, self._settings(candidate, cache))
        except Exception as error:
            raise _load_error(model, error) from error
        return OpenVinoModel(compiled, candidate, self._memory_taken(candidate.device))

    def _memory_taken(self, device: str) -> dict[str, str]:
        """Bytes of the device's memory by kind, where its plugin tells."""
        if _MEMORY_STATISTICS not in self._core.get_property(device, "SUPPORTED_PROPERTIES"):
            return {}
        taken = self._core.get_property(device, _MEMORY_STATISTICS)
        return {"device memory": ", ".join(f"{kind} {size}" for kind, size in sorted(taken.items()))}

    def _settings(self, candidate: Candidate, cache: Path | None) -> dict[str, Any]:
        settings: dict[str, Any] = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": candidate.precision,
            "NUM_STREAMS": candidate.streams,
        }
        if candidate.device == CPU:
            settings["INFERENCE_NUM_THREADS"] = candidate.threads
            # Two workers that pin their threads would share the first cores and leave the others idle.
            settings["ENABLE_CPU_PINNING"] = False
        if cache is not None:
            settings["CACHE_DIR"] = str(cache)
        return settings


class OpenVinoModel:
    """A compiled model; fulfils TensorModel."""

    def __init__(
        self, compiled: openvino.CompiledModel, candidate: Candidate, memory: Mapping[str, str]
    ) -> None:
        self._compiled = compiled
        self.in_force = _in_force(compiled, candidate, memory)
        self.inputs = tuple(_spec(port) for port in compiled.inputs)
        self.outputs = tuple(_spec(port) for port in compiled.outputs)
        self._ports = {spec.name: i for i, spec in enumerate(self.outputs)}
        self._bf16 = {spec.name for spec in (*self.inputs, *self.outputs) if spec.datatype == "BF16"}
        self._requests = threading.local()

    def infer(self, inputs: Tensors, outputs: Sequence[str] = ()) -> dict[str, Tensor]:
        try:
            given = {n: _bf16_in(t) if n in self._bf16 else t for n, t in inputs.items()}
            results = self._request().infer(given, share_inputs=True, share_outputs=True)
        except Exception as error:
            if memory_ran_out(error):
                raise MemoryError from error
            raise EngineError("request.failed", f"OpenVINO: {_reason(error)}") from error
        told = {name: results[self._ports[name]] for name in outputs or self._ports}
        return {n: t.view(DTYPES["BF16"]) if n in self._bf16 else t for n, t in told.items()}

    def close(self) -> None:
        del self._requests
        del self._compiled

    def _request(self) -> openvino.InferRequest:
        """This thread's own."""
        if not hasattr(self._requests, "own"):
            self._requests.own = self._compiled.create_infer_request()
        own: openvino.InferRequest = self._requests.own
        return own


def _in_force(compiled: openvino.CompiledModel, candidate: Candidate, memory: Mapping[str, str]) -> InForce:
    devices = compiled.get_property("EXECUTION_DEVICES")
    if list(devices) != [candidate.device]:
        raise EngineError(
            "device.fell-back",
            f"Asked for {candidate.device}, OpenVINO took {', '.join(devices)}.",
            kept="The model was not put into service.",
            remedy="Check the driver, or choose another device.",
        )
    precision = compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
    if precision != candidate.precision:
        raise EngineError(
            "precision.unsupported", f"Asked for {candidate.precision}, OpenVINO took {precision}."
        )
    on_cpu = candidate.device == CPU
    return InForce(
        device=devices[0],
        precision=precision,
        threads=int(compiled.get_property("INFERENCE_NUM_THREADS")) if on_cpu else candidate.threads,
        details={
            "devices": ", ".join(devices),
            "streams": str(compiled.get_property("NUM_STREAMS")),
            "nodes": _precisions_in_force(compiled),
            "loaded from cache": "yes" if compiled.get_property("LOADED_FROM_CACHE") else "no",
            **memory,
        },
    )


def _precisions_in_force(compiled: openvino.CompiledModel) -> str:
    """`f32 461, bf16 148, i32 122`: what the compiled graph's nodes compute in; the hint binds those that can."""
    nodes = compiled.get_runtime_model().get_ops()
    counted = Counter(node.get_rt_info()["runtimePrecision"].astype(str) for node in nodes)
    return ", ".join(f"{precision} {count}" for precision, count in counted.most_common())


def _spec(port: openvino.ConstOutput) -> TensorSpec:
    name = port.get_any_name()
    shape = port.get_partial_shape()
    datatype = _DATATYPES.get(port.get_element_type().get_type_name())
    if datatype not in DTYPES or shape.rank.is_dynamic:
        raise EngineError(
            "model.unsupported",
            f"{name!r} has a type or rank that OpenVINO leaves open: no request can carry it.",
        )
    return TensorSpec(name, datatype, tuple(-1 if n.is_dynamic else n.get_length() for n in shape))


def _bf16_in(tensor: Tensor) -> openvino.Tensor:
    """numpy has no such type that OpenVINO knew; the bits are handed over with the type's name."""
    bits = np.array(tensor, order="C").view(np.uint16)
    return openvino.Tensor(bits, tensor.shape, openvino.Type.bf16)


def _unseen(card: Accelerator) -> Rejection:
    known = f": {card.findings[0].text}" if card.findings else "; its driver or loader library is missing"
    return Rejection(
        "openvino", card.kind.upper(), "device.absent", f"OpenVINO does not see {card.name}{known}"
    )


def _load_error(model: ModelFile, error: Exception) -> EngineError:
    if memory_ran_out(error):
        return EngineError(
            "worker.out-of-memory",
            f"{model.path.name} does not fit into the worker's memory.",
            remedy="Give the deployment more memory, or a smaller model.",
        )
    readable = "OpConversionFailure" in str(error) or "not supported" in str(error)
    return EngineError(
        "model.unsupported" if readable else "model.invalid",
        f"OpenVINO cannot load {model.path.name}: {_reason(error)}",
        remedy="Another engine may run it."
        if readable
        else "Check the model with the tool that exported it.",
    )


def _reason(error: Exception) -> str:
    """The engine's own reason without the source positions that surround it."""
    lines = [line.strip() for line in str(error).splitlines()]
    told = [
        line
        for line in lines
        if line
        and not line.startswith(("Exception from", "Check ", "FrontEnd API", "Summary:", "Model wasn't"))
    ]
    return " ".join(" ".join(told or lines).split())[:300]
