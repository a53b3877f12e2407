"""Who acts on the box."""

import uuid
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Actor:
    """Who gave a command, as the audit log names them."""

    name: str
    role: str
    correlation: str = field(default_factory=lambda: uuid.uuid4().hex)
    """The same in every entry that comes of one call."""


APPLIANCE = Actor("appliance", "")
"""The box itself, when it does something nobody asked for."""
