"""What stands in the way of CUDA on a card that is there."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from runtimes.hardware import nvidia_chips, nvidia_soc
from runtimes.hardware.profile import Accelerator, Finding, Library
from runtimes.hardware.sysroot import Access, Sysroot

CONTROL = "/dev/nvidiactl"
COMPUTING_DRIVERS = ("nvidia", "dxgkrnl", *nvidia_soc.DRIVERS)


@dataclass(frozen=True, slots=True)
class Installed:
    """The driver's libraries, and what its management library answered."""

    cuda: Library | None
    nvml: Library | None
    answer: Mapping[str, Any]

    @property
    def fault(self) -> Finding | None:
        """Why there is no answer, where one was asked for."""
        return _no_answer(self.answer) if "error" in self.answer else None


def judged(root: Sysroot, card: Accelerator, installed: Installed) -> Accelerator:
    """Add findings, whether the card is usable, and the newest CUDA that fits."""
    missing = _driver_missing(card)
    checks = (
        _too_old(card),
        _mismatch(card, installed.nvml),
        _library_missing() if installed.cuda is None else None,
        _device_file(root, card),
        installed.fault,
    )
    reasons = [missing] if missing else [reason for reason in checks if reason]
    odd = any(finding.code in ("nvidia.device-odd", "nvidia.not-listed") for finding in card.findings)
    newest = nvidia_chips.newest_cuda(card.driver_version, card.architecture)
    on_chip = card.driver in nvidia_soc.DRIVERS
    return replace(
        card,
        findings=(*card.findings, *reasons),
        usable=not (odd or reasons),
        newest_runtime=f"cuda-{newest}" if newest and not on_chip else card.newest_runtime,
    )


def device_odd(error: str) -> Finding:
    return Finding(
        "nvidia.device-odd",
        f"NVML cannot open this device: {error}",
        "See `dmesg | grep -i nvrm`; an Xid there names the fault. Reseat or replace the card.",
    )


def not_listed() -> Finding:
    return Finding(
        "nvidia.not-listed",
        "The driver runs, but does not list this card.",
        "It fell off the bus (see `dmesg | grep -i xid`), or this container was given other cards.",
    )


def _driver_missing(card: Accelerator) -> Finding | None:
    if card.driver in COMPUTING_DRIVERS:
        return None
    now = (
        f"The driver {card.driver} holds it, which computes nothing."
        if card.driver
        else "No driver holds it."
    )
    return Finding(
        "nvidia.driver-missing",
        f"NVIDIA's kernel driver does not run this card. {now}",
        "Install the NVIDIA driver of branch 580, and restart.",
    )


def _too_old(card: Accelerator) -> Finding | None:
    version = nvidia_chips.version(card.driver_version)
    if not version or version >= (nvidia_chips.TOO_OLD,) or card.driver in nvidia_soc.DRIVERS:
        return None
    return Finding(
        "nvidia.driver-too-old",
        f"Driver {card.driver_version} is too old: CUDA 12.4 and newer need {nvidia_chips.TOO_OLD}.",
        "Install the NVIDIA driver of branch 580, and restart.",
    )


def _mismatch(card: Accelerator, library: Library | None) -> Finding | None:
    version = library.version if library else None
    if not (version and card.driver == "nvidia" and card.driver_version) or version == card.driver_version:
        return None
    return Finding(
        "nvidia.library-mismatch",
        f"The kernel runs driver {card.driver_version}, the libraries are of {version}.",
        "Restart the machine, or in a container start it again so that it gets the host's libraries.",
    )


def _library_missing() -> Finding:
    return Finding(
        "nvidia.libcuda-missing",
        "libcuda.so.1 is not installed or not passed into this container.",
        "Install the driver's libraries; in a container use NVIDIA's container toolkit with --gpus.",
    )


def _device_file(root: Sysroot, card: Accelerator) -> Finding | None:
    if card.driver != "nvidia":
        return None
    for path in filter(None, (CONTROL, card.device_node)):
        access = root.access(path)
        if access is Access.ABSENT:
            return Finding(
                "nvidia.device-absent",
                f"{path} is not there: the card was not passed into this container, or no node was made.",
                "In a container use --gpus or --device; elsewhere run nvidia-modprobe -u -c=0.",
            )
        if access is not Access.GRANTED:
            return Finding(
                "nvidia.device-permission",
                f"{path} may not be opened ({access}).",
                "Let the appliance's user into the file's group, or allow the device in the container.",
            )
    return None


def _no_answer(answer: Mapping[str, Any]) -> Finding:
    timeout = answer["error"] == "timeout"
    return Finding(
        "nvidia.probe-timeout" if timeout else "nvidia.probe-failed",
        f"The NVIDIA driver did not answer: {answer.get('detail', answer['error'])}.",
        "See `nvidia-smi` and `dmesg | grep -i nvrm`. What the kernel's files say is shown.",
    )
