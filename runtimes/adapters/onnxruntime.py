"""onnxruntime: ONNX models on the execution providers that the installed build offers."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import onnxruntime

from runtimes.adapters.onnxfile import stored_precision
from runtimes.adapters.onnxmodel import OnnxModel
from runtimes.adapters.onnxprecision import precisions
from runtimes.adapters.onnxproviders import ACCELERATED, PROVIDERS, has_driver
from runtimes.adapters.onnxsession import CPU, open_session
from runtimes.adapters.threads import shares
from runtimes.adapters.weightsfile import refuse_what_is_no_model
from runtimes.engine import Candidate, EngineDescription, ModelFile, ModelFormat, Rejection
from runtimes.hardware.profile import HardwareProfile


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
    ) -> OnnxModel:
        """Load with exactly the candidate's provider; onnxruntime itself keeps nothing in `cache`, its drivers do.

        Raises EngineError: `model.invalid`, `model.unsupported`, `device.absent`, `device.fell-back`,
        `placement.partial` where a node would run on the CPU and `cpu_fallback` is not 1.
        """
        refuse_what_is_no_model(model.path)
        stored = stored_precision(model.path)
        session, placed = open_session(model, candidate, stored)
        return OnnxModel(session, placed, candidate, stored)
