"""AMD's compute topology: the nodes of the kernel fusion driver (KFD)."""

from dataclasses import dataclass

from runtimes.hardware.sysroot import Sysroot, parse_decimal

NODES = "/sys/class/kfd/kfd/topology/nodes"


@dataclass(frozen=True, slots=True)
class Node:
    """A node that computes; a GPU in partitions has several with one PCI address."""

    number: int
    gfx: str
    address: str
    render_minor: int | None
    unique_id: str | None
    """As ROCm spells it: `GPU-` and sixteen hexadecimal digits."""
    with_cpu: bool
    """Processor and GPU are one node: an APU on older kernels."""

    @property
    def path(self) -> str:
        return f"{NODES}/{self.number}/properties"


def nodes(root: Sysroot) -> list[Node]:
    """GPU nodes in the order of their numbers, which is the order in which ROCm counts them."""
    numbers = sorted(int(name) for name in root.names(NODES) if name.isdecimal())
    found = (_node(root, number) for number in numbers)
    return [node for node in found if node]


def gfx_target(version: int) -> str | None:
    """`gfx90c` for 90012, `gfx1103` for 110003; None for 0, which is a processor."""
    if version <= 0:
        return None
    major, minor, stepping = version // 10000, version // 100 % 100, version % 100
    return f"gfx{major}{minor:x}{stepping:x}"


def override(text: str | None) -> str | None:
    """What `HSA_OVERRIDE_GFX_VERSION=11.0.0` names: `gfx1100`; None where it is no version."""
    parts = (text or "").split(".")
    if len(parts) != 3 or not all(part.isdecimal() for part in parts):
        return None
    major, minor, stepping = (int(part) for part in parts)
    return f"gfx{major}{minor:x}{stepping:x}"


def _node(root: Sysroot, number: int) -> Node | None:
    told = root.pairs(f"{NODES}/{number}/properties")
    values = {name: parse_decimal(text) for name, text in told.items()}
    gfx = gfx_target(values.get("gfx_target_version") or 0)
    location = values.get("location_id")
    if gfx is None or location is None:
        return None
    unique = values.get("unique_id")
    return Node(
        number=number,
        gfx=gfx,
        address=_address(values.get("domain") or 0, location),
        render_minor=values.get("drm_render_minor") or None,
        unique_id=f"GPU-{unique:016x}" if unique else None,
        with_cpu=bool(values.get("cpu_cores_count")),
    )


def _address(domain: int, location: int) -> str:
    """Bus, device and function are packed as in the PCI requester id."""
    return f"{domain:04x}:{location >> 8 & 0xFF:02x}:{location >> 3 & 0x1F:02x}.{location & 7}"
