"""How the results of the depot's commands on roles and signatures read on a terminal."""

from collections.abc import Callable, Iterator
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from appliance import depot_results as results
from appliance.cli.layout import add_row, facts, table_of
from appliance.console.formats import NA, duration, size
from appliance.console.text import plain

_SOON = 30 * 86_400.0


def _key_made(made: results.KeyMade) -> Iterator[RenderableType]:
    yield f"Made the key {made.file}"
    yield facts(("give this to the depot", made.public), ("keep this safe", made.file))


def _changed(changed: results.RoleChanged) -> Iterator[RenderableType]:
    table = table_of(
        "role", "signatures needed", "lasts", "keys", right=("signatures needed",), wide=("keys",)
    )
    for role in changed.roles:
        add_row(
            table,
            role.role,
            f"{role.threshold} of {len(role.keys)}",
            f"{role.days} days",
            _holders(role.keys),
        )
    yield table
    if changed.proposed_root is not None:
        yield Text(
            f"Root {changed.proposed_root} waits for signatures; `appliance depot status` says whose.",
            "yellow",
        )
    else:
        yield "The next publication carries it."


def _status(report: results.DepotReport) -> Iterator[RenderableType]:
    table = table_of(
        "role", "version", "signatures needed", "expires", "left", "here", "keys",
        right=("version", "signatures needed", "here"), wide=("keys",),
    )  # fmt: skip
    for role in report.roles:
        add_row(
            table,
            role.role,
            NA if role.version is None else str(role.version),
            f"{role.threshold} of {len(role.keys)}",
            NA if role.expires is None else role.expires[:10],
            _left(role.left),
            str(role.keys_here),
            _holders(role.keys),
            style=_style(role.left),
        )
    yield table
    yield facts(("not published yet", ", ".join(report.unpublished) or "nothing"))
    yield from _lacking(report.lacking)


def _asked(asked: results.SignaturesAsked) -> Iterator[RenderableType]:
    if asked.file is None:
        yield "Nothing waits for signatures: `appliance depot publish` can go ahead."
        return
    yield f"Wrote {asked.file}; others sign it with `appliance depot sign`."
    yield from _lacking(asked.lacking)


def _signed(signed: results.RequestSigned) -> Iterator[RenderableType]:
    for change in signed.proposed:
        yield Text(f"{change.role} {change.version}", "bold")
        for line in change.changes:
            yield Text(f"  {plain(line, 2000)}")
        told = f"signed by {_holders(change.signed) or 'nobody yet'}; {change.threshold} needed"
        yield Text(f"  {plain(told, 2000)}", "dim")
    if signed.added:
        yield f"Signed {', '.join(signed.added)}; bring {signed.file} back to the depot, or to who signs next."
    else:
        yield "Nothing was signed; name a key with --key to sign this."


def _collected(collected: results.SignaturesCollected) -> Iterator[RenderableType]:
    yield f"New signatures: {', '.join(collected.added) or 'none'}"
    yield from _lacking(collected.lacking)
    if not collected.lacking:
        yield "Nothing in this file lacks signatures any more; go on with `appliance depot publish`."


def _fleet(fleet: results.Fleet) -> Iterator[RenderableType]:
    table = table_of(
        "box", "key", "receipt", "update", "log", "lacks", "refused",
        right=("update", "log"), wide=("lacks", "refused"),
    )  # fmt: skip
    for box in fleet.boxes:
        refused = [f"{one.name} {one.version} ({one.code})" for one in box.failures]
        add_row(
            table,
            box.box,
            box.key_id,
            box.time[:16].replace("T", " "),
            str(box.metadata_version),
            NA if box.log_entries is None else str(box.log_entries),
            ", ".join(box.lacks),
            ", ".join([box.code, *refused] if box.code else refused),
            style="yellow" if box.code or refused else "",
        )
    yield table
    if fleet.taken:
        yield f"New receipts: {', '.join(fleet.taken)}. Their logs were checked and cosigned; the next update carries that."
    for fault in fleet.faults:
        yield Text(plain(fault, 2000), "red")


def _lacking(lacking: tuple[results.SignatureLack, ...]) -> Iterator[RenderableType]:
    for item in lacking:
        told = (
            f"{item.role} {item.version} has {len(item.signed)} of {item.threshold} signatures; "
            f"next may sign: {_holders(item.missing)}"
        )
        yield Text(plain(told, 2000), "yellow")


def _holders(keys: tuple[results.KeyHolder, ...]) -> str:
    return ", ".join(f"{key.name or 'unnamed'} ({key.key_id[:8]})" for key in keys)


def _left(seconds: float | None) -> str:
    if seconds is None:
        return NA
    return duration(seconds) if seconds > 0 else "expired"


def _style(seconds: float | None) -> str:
    if seconds is None or seconds > _SOON:
        return ""
    return "yellow" if seconds > 0 else "red"


def _artifact_added(added: results.ArtifactAdded) -> Iterator[RenderableType]:
    yield f"Packed the {added.kind} {added.name} {added.version} ({size(added.size)})"
    yield facts(("manifest", f"sha256:{added.digest}"))


READERS: dict[type, Callable[[Any], Iterator[RenderableType]]] = {
    results.ArtifactAdded: _artifact_added,
    results.KeyMade: _key_made,
    results.RoleChanged: _changed,
    results.DepotReport: _status,
    results.SignaturesAsked: _asked,
    results.RequestSigned: _signed,
    results.SignaturesCollected: _collected,
    results.Fleet: _fleet,
}
