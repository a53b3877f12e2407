"""What a vendor's scan hands back, and the pad on which it is written."""

from dataclasses import dataclass, field
from typing import TypeVar

from runtimes.hardware.profile import Accelerator, EnergyCounter, Finding, Library

Value = TypeVar("Value")


@dataclass(slots=True)
class Notes:
    """Collects findings and where values were read, while a part of the machine is scanned."""

    accelerators: list[Accelerator] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    libraries: list[Library] = field(default_factory=list)
    energy: list[EnergyCounter] = field(default_factory=list)
    sources: dict[str, str] = field(default_factory=dict)

    def take(self, key: str, value: Value | None, source: str) -> Value | None:
        """Pass a value on, noting where it was read unless it is missing."""
        if value is not None:
            self.sources[key] = source
        return value
