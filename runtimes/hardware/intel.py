"""Intel: graphics in the processor and on cards, and the NPU."""

from collections.abc import Mapping
from dataclasses import replace

from runtimes.hardware import drm_clients, hwmon, kernel_module, libraries
from runtimes.hardware.intel_chips import NPU_NAMES, generation_of, is_integrated
from runtimes.hardware.notes import Notes
from runtimes.hardware.pci import ACCELERATOR, DISPLAY, PciDevice
from runtimes.hardware.profile import Accelerator, Finding, Memory
from runtimes.hardware.sysroot import Access, Sysroot

VENDOR = "8086"
OPENCL, LEVEL_ZERO = "libOpenCL.so.1", "libze_loader.so.1"


def scan(root: Sysroot, devices: list[PciDevice], environ: Mapping[str, str], memory: Memory) -> Notes:
    """Every Intel GPU and NPU; OpenVINO reaches the first through OpenCL, the second through Level Zero."""
    notes = Notes()
    gpus = [device for device in devices if device.vendor == VENDOR and device.base_class == DISPLAY]
    npus = [device for device in devices if device.vendor == VENDOR and device.base_class == ACCELERATOR]
    if not (gpus or npus):
        return notes
    ld_path = environ.get("LD_LIBRARY_PATH", "")
    opencl = libraries.find(root, OPENCL, notes, ld_path)
    level_zero = libraries.find(root, LEVEL_ZERO, notes, ld_path)
    used = drm_clients.memory(root) if gpus else {}
    for device in gpus:
        gpu = _gpu(root, device, used.get(device.address), memory, notes)
        notes.accelerators.append(_judged_gpu(root, gpu, has_loader=opencl is not None))
    for device in npus:
        npu = _npu(root, device, memory, notes)
        notes.accelerators.append(_judged_npu(root, npu, has_loader=level_zero is not None))
    return notes


def driver_files(root: Sysroot, device: PciDevice) -> list[str]:
    """Files that the driver answers by asking the device."""
    return [f"{device.path}/npu_memory_utilization", *hwmon.files(root, device.path)]


def _gpu(
    root: Sysroot, device: PciDevice, used: drm_clients.Used | None, memory: Memory, notes: Notes
) -> Accelerator:
    key = f"accelerators.{device.address}"
    notes.sources[key] = device.path
    number = int(device.device, 16)
    integrated = is_integrated(number, device.address)
    generation = notes.take(f"{key}.architecture", generation_of(number), f"{device.path}/device")
    version, source = kernel_module.version(root, device.driver or "i915")
    total, total_source = _local_memory(root, device)
    sensors = hwmon.readings(root, device.path, key, notes)
    if used:
        notes.sources[f"{key}.memory_used"] = notes.sources[f"{key}.memory_shared_used"] = used.source
    return Accelerator(
        id=device.address,
        vendor="intel",
        kind="gpu",
        name=f"Intel {generation or 'GPU'} {'graphics' if integrated else 'card'} ({device.id})",
        driver=device.driver,
        driver_version=notes.take(f"{key}.driver_version", version, source) if device.driver else None,
        architecture=generation,
        integrated=integrated,
        memory_total=notes.take(f"{key}.memory_total", total, total_source),
        memory_used=used.local if used and not integrated else None,
        memory_shared_total=notes.take(f"{key}.memory_shared_total", memory.total, "/proc/meminfo")
        if integrated
        else None,
        memory_shared_used=used.system if used else None,
        pci_id=device.id,
        numa_node=notes.take(f"{key}.numa_node", device.numa_node, f"{device.path}/numa_node"),
        device_node=device.render_node,
        temperature_c=sensors.temperature_c,
        power_w=sensors.power_w,
        power_limit_w=sensors.power_limit_w,
    )


def _local_memory(root: Sysroot, device: PciDevice) -> tuple[int | None, str]:
    """A card's own memory, where the driver has a file for it (i915's out-of-tree branch, xe by tile)."""
    for name, path in root.folders(f"{device.path}/drm"):
        if name.startswith("card") and (size := root.number(f"{path}/lmem_total_bytes")):
            return size, f"{path}/lmem_total_bytes"
    tiles = [path for name, path in root.folders(device.path) if name.startswith("tile")]
    sizes = [size for tile in tiles if (size := root.number(f"{tile}/physical_vram_size_bytes"))]
    return (sum(sizes) or None), f"{device.path}/tile*/physical_vram_size_bytes"


def _npu(root: Sysroot, device: PciDevice, memory: Memory, notes: Notes) -> Accelerator:
    key = f"accelerators.{device.address}"
    notes.sources[key] = device.path
    version, source = kernel_module.version(root, "intel_vpu")
    used = f"{device.path}/npu_memory_utilization"
    return Accelerator(
        id=device.address,
        vendor="intel",
        kind="npu",
        name=NPU_NAMES.get(device.device, f"Intel NPU ({device.id})"),
        driver=device.driver,
        driver_version=notes.take(f"{key}.driver_version", version, source) if device.driver else None,
        integrated=True,
        memory_shared_total=notes.take(f"{key}.memory_shared_total", memory.total, "/proc/meminfo"),
        memory_shared_used=notes.take(f"{key}.memory_shared_used", root.number(used), used),
        pci_id=device.id,
        device_node=device.accel_node,
    )


def _judged_gpu(root: Sysroot, gpu: Accelerator, *, has_loader: bool) -> Accelerator:
    reasons = []
    if gpu.driver not in ("i915", "xe"):
        reasons.append(
            Finding(
                "intel.driver-missing",
                f"Neither i915 nor xe runs this GPU ({gpu.driver or 'no driver'}).",
                "Install a kernel that knows the chip, with its firmware files (linux-firmware, firmware-misc-nonfree).",
            )
        )
    elif reason := _device_file(root, gpu, "render", "gpu"):
        reasons.append(reason)
    if not has_loader:
        reasons.append(_loader_missing(OPENCL, "GPU", "ocl-icd-libopencl1 and intel-opencl-icd"))
    return replace(gpu, usable=not reasons, findings=(*gpu.findings, *reasons))


def _judged_npu(root: Sysroot, npu: Accelerator, *, has_loader: bool) -> Accelerator:
    reasons = []
    if npu.driver != "intel_vpu":
        reasons.append(
            Finding(
                "intel.npu-driver-missing",
                f"The intel_vpu driver does not run the NPU ({npu.driver or 'no driver'}).",
                "Linux 6.6 or newer with the NPU's firmware (intel/vpu) is needed.",
            )
        )
    elif reason := _device_file(root, npu, "render", "npu"):
        reasons.append(reason)
    if not has_loader:
        reasons.append(
            _loader_missing(
                LEVEL_ZERO,
                "NPU",
                "libze1, intel-level-zero-npu and intel-driver-compiler-npu (from intel/linux-npu-driver)",
            )
        )
    return replace(npu, usable=not reasons, findings=(*npu.findings, *reasons))


def _device_file(root: Sysroot, device: Accelerator, group: str, kind: str) -> Finding | None:
    path = device.device_node
    access = root.access(path) if path else Access.ABSENT
    if access is Access.GRANTED:
        return None
    if access is Access.ABSENT:
        return Finding(
            f"intel.{kind}-absent",
            f"{path or 'Its device file'} is not there: it was not passed into this container, or the driver made none.",
            f"In a container add --device {path or '/dev/dri'}.",
        )
    if access is Access.BROKEN:
        return Finding(
            f"intel.{kind}-broken",
            f"{path} is there but does not open.",
            "See `dmesg` for the driver's own reason.",
        )
    return Finding(
        f"intel.{kind}-permission",
        f"{path} may not be opened ({access}).",
        f"Add the appliance's user to the group {group}; in a container use --device and --group-add.",
    )


def _loader_missing(library: str, device: str, packages: str) -> Finding:
    return Finding(
        "intel.loader-missing",
        f"{library} is not installed; without it OpenVINO does not see the {device}.",
        f"Install {packages}.",
    )
