"""The file that carries what waits for signatures from hand to hand: JSON, read strictly, its metadata as TUF writes it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tuf.api.metadata import Root, Targets

from updates import canonical
from updates.depot.proposals import KINDS, Delegators
from updates.depot.settings import ROLES
from updates.durable import write_file
from updates.errors import DepotError, MediumError
from updates.trust.delegations import check_role_name
from updates.trust.metadata import Loaded, load

_FORMAT = "appliance-signing-request/1"
_LIMIT = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Request:
    """A signing request, read strictly."""

    root: Loaded[Root]
    before: dict[str, Loaded[Any]]
    proposed: dict[str, Loaded[Any]]

    def delegators(self, role: str) -> Delegators:
        """Who says which keys sign for `role`, according to this file.

        Raises:
            MediumError: `medium.malformed`: the file does not carry them.
        """
        if role == Root.type:
            return self.root.signed, self.proposed[role].signed
        if role in ROLES:
            return (self.root.signed,)
        top = self.proposed.get(Targets.type) or self.before.get(Targets.type)
        delegations = top.signed.delegations if top else None
        if top is None or delegations is None or role not in (delegations.roles or {}):
            raise canonical.malformed("the signing request", f"nobody in it gives {role} any keys")
        return (top.signed,)

    def to_bytes(self) -> bytes:
        return canonical.to_bytes(
            {
                "format": _FORMAT,
                "root": self.root.metadata.to_dict(),
                "before": {role: loaded.metadata.to_dict() for role, loaded in self.before.items()},
                "proposed": {role: loaded.metadata.to_dict() for role, loaded in self.proposed.items()},
            }
        )


def read_request(file: Path) -> Request:
    """Read a signing request.

    Raises:
        DepotError: `depot.request-unreadable`.
    """
    try:
        if file.stat().st_size > _LIMIT:
            raise ValueError("it is too large")
        value = canonical.parse_object(file.read_bytes(), file.name)
        if value.keys() != {"format", "root", "before", "proposed"} or value["format"] != _FORMAT:
            raise ValueError("it is no signing request of this version")
        parsed = Request(
            _parse(Root.type, value["root"]),
            {role: _parse(role, told) for role, told in value["before"].items()},
            {role: _parse(role, told) for role, told in value["proposed"].items()},
        )
        for role in parsed.proposed:
            parsed.delegators(role)
    except (OSError, MediumError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DepotError(
            "depot.request-unreadable",
            f"{file} cannot be used: {getattr(error, 'what', error)}",
            kept="Nothing was signed.",
            remedy="Ask for the file again: `appliance depot request` writes it.",
        ) from error
    return parsed


def write_request(file: Path, asked: Request) -> None:
    """Raises: DepotError: `depot.unwritable`."""
    try:
        write_file(file, asked.to_bytes())
    except OSError as error:
        raise DepotError(
            "depot.unwritable",
            f"{file} cannot be written: {error.strerror}.",
            kept="What it held before is as it was.",
            remedy="Name a file that can be written.",
        ) from error


def _parse(role: str, value: Any) -> Loaded[Any]:
    check_role_name(role, "the signing request")
    found: Loaded[Any] = load(KINDS.get(role, Targets), canonical.to_bytes(value), f"{role}.json")
    return found
