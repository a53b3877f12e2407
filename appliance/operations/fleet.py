"""`appliance depot fleet`: learn from the receipts on a medium, and show every box that the depot knows."""

from collections.abc import Sequence
from pathlib import Path

from appliance.depot_results import Fleet, FleetBox, FleetFailure
from appliance.errors import ApplianceError
from appliance.fleet import Witness
from appliance.operations.context import LocalContext
from updates.depot import fleet as known
from updates.depot.repository import Depot
from updates.errors import UpdateError
from updates.receipt import read_receipts


def fleet(context: LocalContext, *, depot: str, medium: str | None) -> Fleet:  # noqa: ARG001 - every operation is called alike
    opened = Depot.open(Path(depot))
    taken, faults = _take(opened, Path(medium)) if medium else ((), ())
    published = [(str(a.identity.kind), a.identity.name, a.identity.version) for a in opened.artifacts()]
    boxes = tuple(_box(member, published) for member in known.members(opened))
    return Fleet(boxes, tuple(taken), tuple(faults))


def _take(depot: Depot, medium: Path) -> tuple[list[str], list[str]]:
    receipts, unreadable = read_receipts(medium)
    taken, faults = [], [f"{error.code}: {error.what}" for error in unreadable]
    witness = Witness.of(depot)
    for signed in receipts:
        try:
            if known.take(depot, signed, witness.cosign):
                taken.append(signed.receipt.box)
        except (ApplianceError, UpdateError) as error:
            faults.append(f"{error.code}: {error.what}")
    return taken, faults


def _box(member: known.Member, published: Sequence[tuple[str, str, str]]) -> FleetBox:
    receipt = member.receipt
    failures = tuple(
        FleetFailure(result.name, result.version, result.code, result.reason)
        for result in receipt.results
        if result.code
    )
    return FleetBox(
        receipt.box,
        receipt.key_id,
        receipt.time,
        receipt.metadata_version,
        tuple(f"{held.name} {held.version}" for held in receipt.artifacts),
        tuple(known.lacking(member, published)),
        receipt.code,
        failures,
        log_entries=int(member.cosigned.split("\n")[1]) if member.cosigned else None,
    )
