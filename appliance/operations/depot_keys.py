"""The depot's roles: keys that come and go, people for each kind of artifact, how long signatures last."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from appliance.depot_results import DepotReport, DepotRole, KeyMade, RoleChanged, RoleHolders
from appliance.errors import ApplianceError
from appliance.operations.context import LocalContext
from appliance.operations.depot import by_role, open_depot, passphrase
from appliance.operations.depot_signing import key_holders, lacks
from updates.depot import roles
from updates.depot.keys import generate_key, public_pem
from updates.depot.proposals import find
from updates.depot.repository import Depot
from updates.depot.settings import ROLES
from updates.depot.status import status as depot_status
from updates.durable import write_file


def make_key(context: LocalContext, *, file: str, passphrase_file: str | None) -> KeyMade:  # noqa: ARG001 - every operation is called alike
    path, secret = Path(file), passphrase(passphrase_file)
    generate_key(path, secret)
    public = path.with_name(f"{path.name.removesuffix('.pem')}.pub.pem")
    write_file(public, public_pem(path, secret))
    return KeyMade(file, str(public))


def status(context: LocalContext, *, depot: str) -> DepotReport:  # noqa: ARG001 - every operation is called alike
    found = depot_status(Depot.open(Path(depot)))
    return DepotReport(
        depot,
        tuple(
            DepotRole(
                role.role,
                role.version,
                role.expires.isoformat() if role.expires else None,
                role.left.total_seconds() if role.left is not None else None,
                role.threshold,
                key_holders(role.signers),
                role.keys_here,
            )
            for role in found.roles
        ),
        tuple(str(identity) for identity in found.unpublished),
        lacks(found.lacking),
    )


def delegate(
    context: LocalContext,  # noqa: ARG001 - every operation is called alike
    *,
    depot: str,
    role: str,
    key: Sequence[str] | None,
    threshold: int | None,
    passphrase_file: str | None,
) -> RoleChanged:
    opened = open_depot(depot, passphrase_file)
    roles.delegate(opened, role, keys=key or (), threshold=threshold, passphrase=passphrase(passphrase_file))
    return _changed(opened, [role])


def rotate(
    context: LocalContext,  # noqa: ARG001 - every operation is called alike
    *,
    depot: str,
    role: str,
    key: Sequence[str] | None,
    threshold: int | None,
    passphrase_file: str | None,
) -> RoleChanged:
    opened = open_depot(depot, passphrase_file)
    roles.rotate(opened, role, keys=key or (), threshold=threshold, passphrase=passphrase(passphrase_file))
    return _changed(opened, [role])


def revoke(
    context: LocalContext,  # noqa: ARG001 - every operation is called alike
    *,
    depot: str,
    key: str,
    role: Sequence[str] | None,
    passphrase_file: str | None,
) -> RoleChanged:
    opened = open_depot(depot, passphrase_file)
    return _changed(opened, roles.revoke(opened, key, roles=role or ()))


def expiry(context: LocalContext, *, depot: str, days: Sequence[str]) -> RoleChanged:  # noqa: ARG001 - every operation is called alike
    opened = Depot.open(Path(depot))
    wanted = dict(map(by_role, days))
    for role, count in wanted.items():
        if not count.isdigit():
            raise ApplianceError(
                "depot.expiry", f"{count!r} is no number of days for {role}.", kept="Nothing was changed."
            )
    roles.set_expiry(opened, {role: int(count) for role, count in wanted.items()})
    return _changed(opened, [role for role in wanted if role in ROLES or role in opened.settings.delegations])


def _changed(depot: Depot, changed: Sequence[str]) -> RoleChanged:
    waiting = find(depot, "root")
    days = asdict(depot.expiry)
    told = []
    for role in changed:
        held = roles.holders(depot, role)
        told.append(RoleHolders(role, held.threshold, key_holders(held.signers), days[role]))
    return RoleChanged(tuple(told), depot.root().version, None if waiting is None else waiting.signed.version)
