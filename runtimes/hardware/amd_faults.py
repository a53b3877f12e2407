"""What stands in the way of ROCm on a GPU that is there."""

from dataclasses import replace

from runtimes.hardware import kfd
from runtimes.hardware.profile import Accelerator, Finding, Library
from runtimes.hardware.sysroot import Access, Sysroot

KFD = "/dev/kfd"


def judged(root: Sysroot, gpu: Accelerator, nodes: list[kfd.Node], blas: Library | None) -> Accelerator:
    reasons = [
        reason for reason in (_driver_missing(gpu), _kfd(root, gpu, nodes), _render(root, gpu)) if reason
    ]
    reasons = reasons[:1] if reasons and reasons[0].code == "amd.driver-missing" else reasons
    target = gpu.architecture_override or gpu.architecture
    hints = []
    if blas and target and target not in blas.targets:
        hints.append(
            Finding(
                "amd.gfx-not-covered",
                f"rocBLAS at {blas.path} has no code for {target}; it has {', '.join(blas.targets)}.",
                "Use the Vulkan pack, or a ROCm release that covers the chip.",
            )
        )
    return replace(gpu, usable=not reasons, findings=(*gpu.findings, *reasons, *hints))


def _driver_missing(gpu: Accelerator) -> Finding | None:
    if gpu.driver == "amdgpu":
        return None
    now = f"{gpu.driver} holds it." if gpu.driver else "No driver holds it."
    return Finding(
        "amd.driver-missing",
        f"The amdgpu driver does not run this GPU. {now}",
        "Install a kernel with amdgpu and its firmware files (linux-firmware, firmware-amd-graphics).",
    )


def _kfd(root: Sysroot, gpu: Accelerator, nodes: list[kfd.Node]) -> Finding | None:
    access = root.access(KFD)
    if access is Access.ABSENT:
        return Finding(
            "amd.kfd-absent",
            f"{KFD} is not there: it was not passed into this container, or the kernel lacks CONFIG_HSA_AMD.",
            "In a container add --device /dev/kfd --device /dev/dri. Vulkan needs only /dev/dri.",
        )
    if access is Access.BROKEN:
        return Finding(
            "amd.kfd-broken",
            f"{KFD} is there but does not open.",
            "See `dmesg | grep -i kfd`; restart the machine.",
        )
    if access is not Access.GRANTED:
        return Finding(
            "amd.kfd-permission",
            f"{KFD} may not be opened ({access}).",
            "Add the appliance's user to the group render; in a container use --group-add.",
        )
    if not nodes:
        return Finding(
            "amd.not-in-topology",
            f"{KFD} works, but this GPU ({gpu.id}) is not among the compute nodes.",
            "The chip is too old for ROCm, its slot lacks PCIe atomics, or its node is hidden from this container. Vulkan may still run it.",
        )
    return None


def _render(root: Sysroot, gpu: Accelerator) -> Finding | None:
    if gpu.device_node is None or gpu.driver != "amdgpu":
        return None
    access = root.access(gpu.device_node)
    if access is Access.GRANTED:
        return None
    return Finding(
        "amd.render-permission" if access in (Access.DENIED, Access.BLOCKED) else "amd.render-absent",
        f"{gpu.device_node} may not be opened ({access}).",
        "Add the appliance's user to the group render; in a container add --device /dev/dri.",
    )
