"""AMD: GPUs as the amdgpu driver and its compute topology show them, and the Ryzen AI NPU."""

from collections.abc import Mapping
from dataclasses import replace

from runtimes.hardware import amd_faults, hwmon, kernel_module, kfd, rocm, visibility
from runtimes.hardware.notes import Notes
from runtimes.hardware.pci import DISPLAY, PciDevice
from runtimes.hardware.profile import Accelerator, Finding, Partition
from runtimes.hardware.sysroot import Sysroot

GPU_VENDOR, NPU_VENDOR = "1002", "1022"
NPU_DEVICES = {"1502": "Ryzen AI NPU (Phoenix, Hawk Point)", "17f0": "Ryzen AI NPU (Strix, Krackan)"}
NAMES = ("/usr/share/libdrm/amdgpu.ids", "/opt/amdgpu/share/libdrm/amdgpu.ids")
APU_TARGETS = frozenset(
    f"gfx{target}"
    for target in (801, 902, 909, "90c", 1013, 1033, 1035, 1036, 1037, 1103, 1150, 1151, 1152, 1153)
)
"""Chips with processor and GPU in one, after the table of processors in LLVM's AMDGPU guide."""
APU_DEVICES = frozenset({"74a0"})
"""MI300A, which has the gfx target of the discrete MI300X."""


def scan(root: Sysroot, devices: list[PciDevice], environ: Mapping[str, str]) -> Notes:
    """Every AMD GPU and NPU; what a card does not tell is None."""
    notes = Notes()
    cards = [card for card in devices if card.vendor == GPU_VENDOR]
    npus = [card for card in devices if card.vendor == NPU_VENDOR and card.base_class != DISPLAY]
    if not (cards or npus):
        return notes
    topology = kfd.nodes(root)
    blas = rocm.blas(root, notes) if cards else None
    found = []
    for card in cards:
        mine = [node for node in topology if _is_of(node, card, cards)]
        gpu = _gpu(root, card, mine, notes)
        gpu = _overridden(gpu, mine, environ)
        found.append((amd_faults.judged(root, gpu, mine, blas), mine))
    notes.accelerators = _numbered(found, topology, environ) + [_npu(root, npu, notes) for npu in npus]
    return notes


def driver_files(root: Sysroot, card: PciDevice) -> list[str]:
    """Files that the driver answers by asking the device."""
    sizes = [
        f"{card.path}/mem_info_{memory}_{what}" for memory in ("vram", "gtt") for what in ("total", "used")
    ]
    return [*sizes, f"{card.path}/product_name", *hwmon.files(root, card.path)]


def _gpu(root: Sysroot, card: PciDevice, nodes: list[kfd.Node], notes: Notes) -> Accelerator:
    key = f"accelerators.{card.address}"
    notes.sources[key] = card.path
    first = nodes[0] if nodes else None
    gfx = notes.take(f"{key}.architecture", first.gfx, first.path) if first else None
    name, name_source = _name(root, card)
    version, version_source = kernel_module.version(root, "amdgpu")
    sensors = hwmon.readings(root, card.path, key, notes)
    if first:
        notes.sources[f"{key}.integrated"] = first.path
    return Accelerator(
        id=card.address,
        vendor="amd",
        kind="gpu",
        name=notes.take(f"{key}.name", name, name_source) or f"AMD GPU ({card.id})",
        driver=card.driver,
        driver_version=notes.take(f"{key}.driver_version", version, version_source)
        if card.driver == "amdgpu"
        else None,
        architecture=gfx,
        integrated=_integrated(card, first),
        memory_total=_size(root, card, "vram_total", f"{key}.memory_total", notes),
        memory_used=_size(root, card, "vram_used", f"{key}.memory_used", notes),
        memory_shared_total=_size(root, card, "gtt_total", f"{key}.memory_shared_total", notes),
        memory_shared_used=_size(root, card, "gtt_used", f"{key}.memory_shared_used", notes),
        pci_id=card.id,
        uuid=first.unique_id if first else None,
        numa_node=notes.take(f"{key}.numa_node", card.numa_node, f"{card.path}/numa_node"),
        device_node=card.render_node,
        partitioned=len(nodes) > 1 if nodes else None,
        partitions=tuple(_partition(root, node) for node in nodes) if len(nodes) > 1 else (),
        temperature_c=sensors.temperature_c,
        power_w=sensors.power_w,
        power_limit_w=sensors.power_limit_w,
    )


def _is_of(node: kfd.Node, card: PciDevice, cards: list[PciDevice]) -> bool:
    """By its render file, else by its address, whose function counts the compute partitions of function 0."""
    render_node = f"/dev/dri/renderD{node.render_minor}"
    if any(other.render_node == render_node for other in cards):
        return card.render_node == render_node
    if any(other.address == node.address for other in cards):
        return node.address == card.address
    return card.address == f"{node.address[:-1]}0"


def _partition(root: Sysroot, node: kfd.Node) -> Partition:
    """A compute partition: a node of its own, with a render file that has no PCI device behind it."""
    memory = root.number(f"/sys/class/drm/renderD{node.render_minor}/device/mem_info_vram_total")
    return Partition(
        id=f"kfd{node.number}", name=f"compute partition, node {node.number}", memory_total=memory
    )


def _integrated(card: PciDevice, node: kfd.Node | None) -> bool | None:
    if card.device in APU_DEVICES:
        return True
    if node is None:
        return None
    return node.with_cpu or node.gfx in APU_TARGETS


def _size(root: Sysroot, card: PciDevice, name: str, key: str, notes: Notes) -> int | None:
    path = f"{card.path}/mem_info_{name}"
    return notes.take(key, root.number(path), path)


def _name(root: Sysroot, card: PciDevice) -> tuple[str | None, str]:
    """The board's own name where its memory holds one, else libdrm's list by device and revision."""
    path = f"{card.path}/product_name"
    told = root.text(path)
    if told:
        return told, path
    revision = f"{card.revision:02X}" if card.revision is not None else ""
    for path in NAMES:
        for line in (root.text(path) or "").splitlines():
            parts = [part.strip() for part in line.split(",", 2)]
            if len(parts) == 3 and parts[0].lower() == card.device and parts[1].upper() == revision:
                return parts[2], path
    return None, ""


def _overridden(gpu: Accelerator, mine: list[kfd.Node], environ: Mapping[str, str]) -> Accelerator:
    if not mine:
        return gpu
    one = f"HSA_OVERRIDE_GFX_VERSION_{mine[0].number}"
    text = environ.get(one, environ.get("HSA_OVERRIDE_GFX_VERSION"))
    target = kfd.override(text)
    if target is None or target == gpu.architecture:
        return gpu
    finding = Finding(
        "amd.gfx-overridden",
        f"HSA_OVERRIDE_GFX_VERSION makes ROCm take this {gpu.architecture} for a {target}.",
        "That works where the instruction sets agree, and computes wrongly or crashes where not: trust the golden samples.",
    )
    return replace(gpu, architecture_override=target, findings=(*gpu.findings, finding))


def _numbered(
    gpus: list[tuple[Accelerator, list[kfd.Node]]], topology: list[kfd.Node], environ: Mapping[str, str]
) -> list[Accelerator]:
    """HIP's numbers: the topology's order, after the visibility variables."""
    names = [
        visibility.Name(f"kfd{node.number}", (node.unique_id,) if node.unique_id else ()) for node in topology
    ]
    order = {id_: index for index, id_ in enumerate(visibility.rocm(names, environ))}
    return [
        replace(
            gpu,
            visible_index=order.get(f"kfd{mine[0].number}") if len(mine) == 1 else None,
            partitions=tuple(replace(part, visible_index=order.get(part.id)) for part in gpu.partitions),
        )
        for gpu, mine in gpus
    ]


def _npu(root: Sysroot, card: PciDevice, notes: Notes) -> Accelerator:
    key = f"accelerators.{card.address}"
    notes.sources[key] = card.path
    version, source = kernel_module.version(root, "amdxdna")
    return Accelerator(
        id=card.address,
        vendor="amd",
        kind="npu",
        name=NPU_DEVICES.get(card.device, f"AMD NPU ({card.id})"),
        driver=card.driver,
        driver_version=notes.take(f"{key}.driver_version", version, source) if card.driver else None,
        architecture="xdna" if card.device == "1502" else "xdna2",
        integrated=True,
        pci_id=card.id,
        device_node=card.accel_node,
        usable=False,
        findings=(
            Finding(
                "amd.npu-no-engine",
                "No engine of the appliance uses AMD's NPU.",
                "The processor and the GPU are used instead.",
            ),
        ),
    )
