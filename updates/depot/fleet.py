"""The boxes that a depot knows, from the receipts that media bring back.

    DEPOT/fleet/<box>.json    the newest receipt of a box, as the box signed it
    DEPOT/fleet/<box>.note    its newest checkpoint that was checked, with the depot's cosignature

The first receipt of a box binds its name to its key; another key under the same name is refused from then on. Whether
a checkpoint continues the last one is for the caller to say: this floor does not know the audit log's format.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from updates.depot.repository import Depot
from updates.errors import DepotError, MediumError, TrustError
from updates.receipt import Receipt, SignedReceipt, parse_receipt

FOLDER = "fleet"

Cosign = Callable[[Receipt, str], str]
"""Given a receipt and the note cosigned last ("" where none was), gives the new cosigned note, or raises an error."""


@dataclass(frozen=True, slots=True)
class Member:
    """One box as its newest receipt shows it."""

    receipt: Receipt
    cosigned: str
    """The note that was cosigned last; empty where none was."""


def members(depot: Depot) -> list[Member]:
    """Every known box, by name.

    Raises:
        DepotError: `depot.damaged`.
    """
    found = [Member(_stored(file), _note(file)) for file in sorted((depot.path / FOLDER).glob("*.json"))]
    return sorted(found, key=lambda member: (member.receipt.box, member.receipt.key))


def take(depot: Depot, signed: SignedReceipt, cosign: Cosign) -> bool:
    """Learn from a receipt; False where a newer or the same one is known.

    Raises:
        TrustError: `fleet.other-key`: the box is known with another key; what `cosign` raises, and then the receipt is
            not kept.
        DepotError: `depot.damaged`, `depot.unwritable`.
    """
    receipt = signed.receipt
    file = depot.path / FOLDER / receipt.file_name
    for member in members(depot):
        if member.receipt.box == receipt.box and member.receipt.key != receipt.key:
            raise TrustError(
                "fleet.other-key",
                f"The receipt of {receipt.box} is signed with another key than the one this depot knows it by.",
                kept="The receipt was not used; what was known of the box stands.",
                remedy=f"If the box was set up anew, remove {file.parent.name}/{member.receipt.file_name} from the depot; "
                "otherwise somebody speaks in its name.",
            )
        if member.receipt.file_name == file.name and member.receipt.time >= receipt.time:
            return False
    cosigned = cosign(receipt, _note(file)) if receipt.checkpoint else ""
    file.parent.mkdir(exist_ok=True)
    if cosigned:
        depot.write(_note_file(file), cosigned.encode())
    depot.write(file, signed.data)
    return True


def cosignatures(depot: Depot) -> dict[str, str]:
    """The cosigned note of each box, by the first line of the note: the name of its log."""
    notes = (_note(file) for file in sorted((depot.path / FOLDER).glob("*.json")))
    return {note.partition("\n")[0]: note for note in notes if note}


def lacking(member: Member, published: Iterable[tuple[str, str, str]]) -> list[str]:
    """What was published, as (kind, name, version), and the box has not: `name version` each."""
    has = {(held.kind, held.name, held.version) for held in member.receipt.artifacts}
    return [f"{name} {version}" for kind, name, version in published if (kind, name, version) not in has]


def _stored(file: Path) -> Receipt:
    try:
        return parse_receipt(file.read_bytes(), file.name)
    except (OSError, MediumError, TrustError) as error:
        raise DepotError(
            "depot.damaged",
            f"{file} is not understood: {error}.",
            kept="Nothing was changed.",
            remedy="Remove it; the box's next receipt brings it back.",
        ) from error


def _note(file: Path) -> str:
    note = _note_file(file)
    return note.read_text("utf-8") if note.is_file() else ""


def _note_file(file: Path) -> Path:
    return file.with_suffix(".note")
