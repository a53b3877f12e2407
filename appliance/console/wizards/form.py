"""What a wizard shows at one moment, in the same shape for every console."""

from dataclasses import dataclass
from typing import Any, Protocol, Self

from appliance.console.caller import Task
from appliance.console.severity import Chip, Severity
from appliance.control.messages import Progress
from appliance.errors import Explanation


@dataclass(frozen=True, slots=True)
class Choice:
    """A button. `key` is a letter; the default one is what Enter does."""

    id: str
    label: str
    key: str
    default: bool = False
    changes: bool = False
    """It changes the box, so it is never the default."""


@dataclass(frozen=True, slots=True)
class Field:
    """One line to type, or one of the suggestions."""

    label: str
    value: str = ""
    hint: str = ""
    suggestions: tuple[str, ...] = ()
    secret: bool = False
    """Never shown while it is typed."""


@dataclass(frozen=True, slots=True)
class Fact:
    label: str
    value: str
    severity: Severity | None = None
    """Where given, shown with its glyph."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of formatted cells; columns named in `right` are aligned right."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Bar:
    """Progress; `fraction` is None while the end is not known."""

    text: str
    fraction: float | None = None


@dataclass(frozen=True, slots=True)
class Form:
    title: str
    step: str
    heading: Chip
    """What is the matter now, in a few words."""
    text: tuple[str, ...] = ()
    """Paragraphs below the heading."""
    notice: Chip | None = None
    """What must not be overlooked, such as whether the medium may be pulled."""
    field: Field | None = None
    facts: tuple[Fact, ...] = ()
    table: Table | None = None
    bar: Bar | None = None
    choices: tuple[Choice, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command brought."""

    heading: Chip
    text: tuple[str, ...] = ()
    facts: tuple[Fact, ...] = ()
    table: Table | None = None


class Wizard(Protocol):
    """A frozen state; every step returns the next one. What a task brings is told back to it."""

    def form(self) -> Form: ...

    def choose(self, choice: str, text: str = "") -> tuple[Self | None, Task | None]:
        """Go on as `choice` says with what stands in the field; None as the state when it is over."""
        ...

    def progressed(self, progress: Progress) -> Self: ...

    def succeeded(self, result: Any) -> Self: ...

    def failed(self, error: Explanation) -> Self: ...
