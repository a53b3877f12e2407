"""onnxruntime: ONNX models on the execution providers that the installed build offers."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from runtimes.adapters import onnxbfloat16
from runtimes.adapters.onnxfile import stored_precision
from runtimes.adapters.onnxplacement import (
    CPU_PROVIDER,
    CPU_REFUSED,
    RECORD,
    REFUSE_CPU,
    Placement,
    placement,
)
from runtimes.adapters.onnxprecision import (
    precision_in_force,
    precisions,
    provider_options,
    session_entries,
)
from runtimes.adapters.onnxproviders import ACCELERATED, PROVIDERS, find_libraries, has_driver, why_asleep
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
from runtimes.hardware.profile import HardwareProfile

CPU = "CPU"

_DATATYPES = {
    "tensor(bool)": "BOOL",
    "tensor(uint8)": "UINT8",
    "tensor(uint16)": "UINT16",
    "tensor(uint32)": "UINT32",
    "tensor(uint64)": "UINT64",
    "tensor(int8)": "INT8",
    "tensor(int16)": "INT16",
    "tensor(int32)": "INT32",
    "tensor(int64)": "INT64",
    "tensor(float16)": "FP16",
    onnxbfloat16.ORT_BFLOAT16: "BF16",
    "tensor(float)": "FP32",
    "tensor(double)": "FP64",
    "tensor(string)": "BYTES",
}


class OnnxRuntime:
    """The adapter. Weights and arithmetic stay in the precision that the file stores."""

    name = "onnxruntime"

    def __init__(self) -> None:
        onnxruntime.disable_telemetry_events()
        onnxruntime.set_default_logger_severity(2)

    def describe(self) -> EngineDescription:
        offered = onnxruntime.get_available_providers()
        devices = tuple(
            f"{device}:0"
            for device, provider in PROVIDERS.items()
            if provider in offered and has_driver(provider)
        )
        return EngineDescription(self.name, onnxruntime.__version__, (ModelFormat.ONNX,), (*devices, CPU))

    def candidates(self, model: ModelFile, hardware: HardwareProfile) -> Sequence[Candidate | Rejection]:
        if model.format is not ModelFormat.ONNX:
            return [
                Rejection(
                    self.name,
                    "",
                    "format.unsupported",
                    f"onnxruntime does not read {model.format.upper()} files.",
                )
            ]
        precision = stored_precision(model.path)
        ways = self._accelerated(hardware, precision)
        ways += [
            Candidate(self.name, CPU, tried, threads, {"spinning": 1, "streams": streams})
            for threads, streams in shares(hardware.cpu)
            for tried in precisions(CPU, hardware.cpu, precision)
        ]
        return ways

    def _accelerated(self, hardware: HardwareProfile, precision: str) -> list[Candidate | Rejection]:
        offered = onnxruntime.get_available_providers()
        ways: list[Candidate | Rejection] = []
        for vendor, choices in ACCELERATED.items():
            cards = [a for a in hardware.accelerators if a.vendor == vendor and a.kind == "gpu"]
            for index, card in enumerate(cards):
                for prefix, provider, pack in choices:
                    device = f"{prefix}:{index}"
                    if provider not in offered:
                        reason = (
                            f"This onnxruntime has no {provider} for {card.name}: it needs the pack {pack}."
                        )
                        ways.append(Rejection(self.name, device, "pack.missing", reason))
                    elif card.usable is False:
                        known = card.findings[0].text if card.findings else "something stands in its way"
                        ways.append(Rejection(self.name, device, "device.unusable", f"{card.name}: {known}"))
                    else:
                        for tried in precisions(device, hardware.cpu, precision):
                            ways += self._with_and_without_cpu(device, tried)
        return ways

    def _with_and_without_cpu(self, device: str, precision: str) -> list[Candidate]:
        """All nodes on the device; where that cannot be, those that it has no kernel for on the CPU."""
        whole = Candidate(self.name, device, precision, 1, {"spinning": 1, "cpu_fallback": 0})
        return [whole, replace(whole, options={"spinning": 1, "cpu_fallback": 1}, reserve=1)]

    def load(
        self,
        model: ModelFile,
        candidate: Candidate,
        cache: Path | None,  # noqa: ARG002 - the protocol's
    ) -> "OnnxModel":
        """Load with exactly the candidate's provider; onnxruntime itself keeps nothing in `cache`, its drivers do.

        Raises EngineError: `model.invalid`, `model.unsupported`, `device.absent`, `device.fell-back`,
        `placement.partial` where a node would run on the CPU and `cpu_fallback` is not 1.
        """
        refuse_what_is_no_model(model.path)
        stored = stored_precision(model.path)
        provider = _provider(candidate, stored)
        on_cpu_too = candidate.device == CPU or candidate.options.get("cpu_fallback") == 1
        try:
            session = _session(model, candidate, provider, stored, on_cpu_too=on_cpu_too)
        except EngineError as error:
            if error.code == "placement.partial":
                raise _what_would_run_where(model, candidate, provider, stored) from error
            raise
        return OnnxModel(session, candidate, provider[0], stored)


class OnnxModel:
    """A loaded model; fulfils TensorModel."""

    def __init__(
        self, session: onnxruntime.InferenceSession, candidate: Candidate, wanted: str, stored: str
    ) -> None:
        in_force = session.get_providers()
        placed = _placed(session, wanted)
        precision = precision_in_force(session, candidate.device, stored)
        if precision != candidate.precision:
            raise EngineError(
                "precision.unsupported",
                f"onnxruntime computes in {precision} here, not in {candidate.precision}.",
            )
        self._session = session
        self.inputs = tuple(_spec(argument) for argument in session.get_inputs())
        self.outputs = tuple(_spec(argument) for argument in session.get_outputs())
        self._names = [spec.name for spec in self.outputs]
        self._bf16_inputs = {spec.name for spec in self.inputs if spec.datatype == "BF16"}
        self._carries_bf16 = any(spec.datatype == "BF16" for spec in (*self.inputs, *self.outputs))
        self._text_inputs = {spec.name for spec in self.inputs if spec.datatype == "BYTES"}
        self._text_outputs = {spec.name for spec in self.outputs if spec.datatype == "BYTES"}
        self.in_force = InForce(
            device=candidate.device,
            precision=precision,
            threads=session.get_session_options().intra_op_num_threads * candidate.streams,
            details={"providers": ", ".join(in_force), "nodes": placed.text, **_arithmetic(stored)},
        )

    def infer(self, inputs: Tensors, outputs: Sequence[str] = ()) -> dict[str, Tensor]:
        names = list(outputs) or self._names
        if self._text_inputs:
            inputs = {n: _decoded(n, t) if n in self._text_inputs else t for n, t in inputs.items()}
        try:
            values = self._run(names, inputs)
        except Exception as error:
            if memory_ran_out(error):
                raise MemoryError from error
            raise EngineError("request.failed", f"onnxruntime: {_reason(error)}") from error
        results = dict(zip(names, values, strict=True))
        for name in self._text_outputs.intersection(names):
            results[name] = _encoded(results[name])
        return results

    def close(self) -> None:
        del self._session

    def _run(self, names: Sequence[str], inputs: Tensors) -> list[Tensor]:
        if self._carries_bf16:
            return onnxbfloat16.run(self._session, names, inputs, self._bf16_inputs)
        answers: list[Tensor] = self._session.run(names, dict(inputs))
        return answers


def _arithmetic(stored: str) -> dict[str, str]:
    if stored == "f32":
        return {}
    return {"arithmetic": f"operators without a {stored} kernel compute in f32 between casts"}


def _provider(candidate: Candidate, stored: str) -> tuple[str, dict[str, str]]:
    if candidate.device == CPU:
        return (CPU_PROVIDER, {})
    prefix, _, index = candidate.device.partition(":")
    provider = PROVIDERS.get(prefix)
    if provider is None or provider not in onnxruntime.get_available_providers():
        raise EngineError(
            "device.absent",
            f"This onnxruntime has no device {candidate.device!r}.",
            remedy="Install the runtime pack that has it, or choose another device.",
        )
    find_libraries(provider)
    options = provider_options(candidate.device, candidate.precision, stored)
    return (provider, {"device_id": index or "0", **options})


def _session(
    model: ModelFile,
    candidate: Candidate,
    provider: tuple[str, dict[str, str]],
    stored: str,
    *,
    on_cpu_too: bool,
) -> onnxruntime.InferenceSession:
    """Raises EngineError; `placement.partial` where not `on_cpu_too` and onnxruntime gave the CPU something to do."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = candidate.threads // candidate.streams
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.add_session_config_entry(
        "session.intra_op.allow_spinning", str(candidate.options.get("spinning", 1))
    )
    options.add_session_config_entry(RECORD, "1")
    for key, value in session_entries(candidate.device, candidate.precision, stored).items():
        options.add_session_config_entry(key, value)
    if not on_cpu_too:
        options.add_session_config_entry(REFUSE_CPU, "1")
    try:
        session = onnxruntime.InferenceSession(str(model.path), options, providers=[provider])
    except Exception as error:
        raise _load_error(model, error) from error
    session.disable_fallback()
    return session


def _what_would_run_where(
    model: ModelFile, candidate: Candidate, provider: tuple[str, dict[str, str]], stored: str
) -> EngineError:
    """Why the CPU was to compute: the device is not there at all, or has no kernel for some nodes."""
    try:
        placed = _placed(_session(model, candidate, provider, stored, on_cpu_too=True), provider[0])
    except EngineError as error:
        return error
    return EngineError(
        "placement.partial",
        f"Part of {model.path.name} would run on the CPU instead of {candidate.device}, by nodes: {placed.text}.",
        kept="The model was not put into service.",
        remedy="Let that part run on the CPU (`cpu_fallback` 1), or choose another device.",
    )


def _placed(session: onnxruntime.InferenceSession, wanted: str) -> Placement:
    """Raises EngineError `device.fell-back` where nothing runs on the provider that was asked for."""
    in_force = session.get_providers()
    if in_force[0] != wanted:
        reason = why_asleep(wanted)
        why = f": {reason}" if reason else ""
        raise _fell_back(f"Asked for {wanted}, onnxruntime took {in_force[0]}{why}.")
    placed = placement(session)
    if not placed.nodes(wanted):
        raise _fell_back(f"{wanted} was given no node of the model: {placed.text}.")
    return placed


def _fell_back(what: str) -> EngineError:
    return EngineError(
        "device.fell-back",
        what,
        kept="The model was not put into service.",
        remedy="Check the driver, or choose another device.",
    )


def _spec(argument: onnxruntime.NodeArg) -> TensorSpec:
    datatype = _DATATYPES.get(argument.type)
    if datatype not in DTYPES:
        raise EngineError(
            "model.unsupported", f"{argument.name!r} is a {argument.type}, which no request can carry."
        )
    shape = tuple(n if isinstance(n, int) and n >= 0 else -1 for n in argument.shape)
    return TensorSpec(argument.name, datatype, shape)


def _load_error(model: ModelFile, error: Exception) -> EngineError:
    if CPU_REFUSED in str(error):
        return EngineError("placement.partial", f"onnxruntime: {_reason(error)}")
    unsupported = {"NotImplemented", "InvalidGraph", "Fail"}
    if memory_ran_out(error):
        return EngineError(
            "worker.out-of-memory",
            f"{model.path.name} does not fit into the worker's memory.",
            remedy="Give the deployment more memory, or a smaller model.",
        )
    code = "model.unsupported" if type(error).__name__ in unsupported else "model.invalid"
    return EngineError(
        code,
        f"onnxruntime cannot load {model.path.name}: {_reason(error)}",
        remedy="Check the model with the tool that exported it.",
    )


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:400]


def _decoded(name: str, tensor: Tensor) -> Tensor:
    try:
        return _elementwise(bytes.decode, tensor)
    except UnicodeDecodeError as error:
        raise EngineError("request.datatype", f"Input {name!r} is not UTF-8: {error.reason}.") from error


def _encoded(tensor: Tensor) -> Tensor:
    return _elementwise(str.encode, tensor)


def _elementwise(convert: Callable[[Any], Any], tensor: Tensor) -> Tensor:
    converted = np.empty(tensor.shape, np.object_)
    converted.reshape(-1)[:] = [convert(element) for element in tensor.flat]
    return converted
