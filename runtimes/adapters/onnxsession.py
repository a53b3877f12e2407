"""An onnxruntime session made exactly as a candidate says, or an error that says what onnxruntime would have done."""

import onnxruntime

from runtimes.adapters.onnxplacement import (
    CPU_PROVIDER,
    CPU_REFUSED,
    RECORD,
    REFUSE_CPU,
    Placement,
    placement,
)
from runtimes.adapters.onnxprecision import provider_options, session_entries
from runtimes.adapters.onnxproviders import PROVIDERS, find_libraries, why_asleep
from runtimes.adapters.outofmemory import memory_ran_out
from runtimes.engine import Candidate, ModelFile
from runtimes.errors import EngineError

CPU = "CPU"
_Provider = tuple[str, dict[str, str]]
"""Name and options."""


def open_session(
    model: ModelFile, candidate: Candidate, stored: str
) -> tuple[onnxruntime.InferenceSession, Placement]:
    """A session on the candidate's provider, and which nodes run where.

    Args:
        stored: the precision of the file.

    Raises:
        EngineError: `model.invalid`, `model.unsupported`, `device.absent`, `device.fell-back`, `worker.out-of-memory`;
            `placement.partial` where a node would run on the CPU and `cpu_fallback` is not 1.
    """
    provider = _provider(candidate, stored)
    on_cpu_too = candidate.device == CPU or candidate.options.get("cpu_fallback") == 1
    try:
        session = _session(model, candidate, provider, stored, on_cpu_too=on_cpu_too)
    except EngineError as error:
        if error.code == "placement.partial":
            raise _what_would_run_where(model, candidate, provider, stored) from error
        raise
    return session, placed(session, provider[0])


def _provider(candidate: Candidate, stored: str) -> _Provider:
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
    provider: _Provider,
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
    model: ModelFile, candidate: Candidate, provider: _Provider, stored: str
) -> EngineError:
    """Why the CPU was to compute: the device is not there at all, or has no kernel for some nodes."""
    try:
        where = placed(_session(model, candidate, provider, stored, on_cpu_too=True), provider[0])
    except EngineError as error:
        return error
    return EngineError(
        "placement.partial",
        f"Part of {model.path.name} would run on the CPU instead of {candidate.device}, by nodes: {where.text}.",
        kept="The model was not put into service.",
        remedy="Let that part run on the CPU (`cpu_fallback` 1), or choose another device.",
    )


def placed(session: onnxruntime.InferenceSession, wanted: str) -> Placement:
    """Raises EngineError `device.fell-back` where nothing runs on the provider that was asked for."""
    in_force = session.get_providers()
    if in_force[0] != wanted:
        reason = why_asleep(wanted)
        why = f": {reason}" if reason else ""
        raise _fell_back(f"Asked for {wanted}, onnxruntime took {in_force[0]}{why}.")
    where = placement(session)
    if not where.nodes(wanted):
        raise _fell_back(f"{wanted} was given no node of the model: {where.text}.")
    return where


def _fell_back(what: str) -> EngineError:
    return EngineError(
        "device.fell-back",
        what,
        kept="The model was not put into service.",
        remedy="Check the driver, or choose another device.",
    )


def _load_error(model: ModelFile, error: Exception) -> EngineError:
    if CPU_REFUSED in str(error):
        return EngineError("placement.partial", f"onnxruntime: {one_line(error)}")
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
        f"onnxruntime cannot load {model.path.name}: {one_line(error)}",
        remedy="Check the model with the tool that exported it.",
    )


def one_line(error: Exception) -> str:
    """What onnxruntime raised, for a sentence."""
    return " ".join(str(error).split())[:400]
