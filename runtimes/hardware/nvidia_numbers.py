"""Which number each NVIDIA card and MIG device has in CUDA programs."""

from collections.abc import Mapping
from dataclasses import replace

from runtimes.hardware import visibility
from runtimes.hardware.notes import Notes
from runtimes.hardware.profile import Accelerator, Finding


def numbered(cards: list[Accelerator], environ: Mapping[str, str], notes: Notes) -> list[Accelerator]:
    """CUDA's numbers after CUDA_VISIBLE_DEVICES; of MIG devices a process gets the first one only."""
    parts = [part.id for card in cards for part in card.partitions]
    names = [
        visibility.Name(card.id, (card.uuid,) if card.uuid else ()) for card in cards if not card.partitioned
    ]
    names += [visibility.Name(id_, (id_,)) for id_ in parts]
    seen = visibility.cuda(names, environ)
    beyond = [id_ for id_ in seen if id_ in parts][1:]
    order = {id_: index for index, id_ in enumerate(id_ for id_ in seen if id_ not in beyond)}
    wanted = environ.get("CUDA_VISIBLE_DEVICES", "")
    if (
        any(entry.strip().isdecimal() for entry in wanted.split(","))
        and len({card.name for card in cards}) > 1
        and environ.get("CUDA_DEVICE_ORDER") != "PCI_BUS_ID"
    ):
        notes.findings.append(
            Finding(
                "nvidia.device-order",
                "CUDA_VISIBLE_DEVICES counts different cards, and CUDA puts the fastest first.",
                "Set CUDA_DEVICE_ORDER=PCI_BUS_ID, or name the cards by UUID. PCI order is assumed here.",
            )
        )
    return [
        replace(
            card,
            visible_index=order.get(card.id),
            partitions=tuple(replace(part, visible_index=order.get(part.id)) for part in card.partitions),
        )
        for card in cards
    ]
