"""What a metadata file would change, in words, read from the metadata itself."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from tuf.api.metadata import Delegations, Role, Root, Snapshot, TargetFile, Targets, Timestamp

from updates.trust.metadata import signer

Signed = Root | Targets | Snapshot | Timestamp


def changes(before: Signed | None, after: Signed) -> tuple[str, ...]:
    """A line for each change from `before`, None where there was nothing; the expiry comes last."""
    return (*_changes(before, after), _expiry(before.expires if before else None, after.expires))


def _changes(before: Any, after: Signed) -> Iterator[str]:
    match after:
        case Root():
            for role in after.roles:
                yield from _holders(
                    role,
                    before and before.roles[role],
                    before.keys if before else {},
                    after.roles[role],
                    after.keys,
                )
        case Targets():
            yield from _targets(before.targets if before else {}, after.targets)
            yield from _delegations(before.delegations if before else None, after.delegations)
        case Snapshot():
            for name, meta in after.meta.items():
                old = before.meta.get(name) if before else None
                if old != meta:
                    yield f"{name.removesuffix('.json')} becomes version {meta.version} (was {old.version if old else 'not there'})"
        case Timestamp():
            yield f"the snapshot is version {after.snapshot_meta.version}"


def _targets(before: Mapping[str, TargetFile], after: Mapping[str, TargetFile]) -> Iterator[str]:
    for path in sorted({*before, *after}):
        old, new = before.get(path), after.get(path)
        if new is None:
            yield f"takes {_artifact(path)} away"
        elif old is None:
            yield f"adds {_artifact(path)}: {_summary(new)}"
        elif old != new:
            yield f"changes {_artifact(path)}: {_summary(new)}"


def _artifact(path: str) -> str:
    return path.removesuffix("/manifest.json").replace("/", " ")


def _summary(target: TargetFile) -> str:
    custom = target.custom if isinstance(target.custom, dict) else {}
    return f"{custom.get('summary', '')!s:.120} (sha256 {target.hashes.get('sha256', '')[:16]})"


def _delegations(before: Delegations | None, after: Delegations | None) -> Iterator[str]:
    old_roles, old_keys = (before.roles or {}, before.keys) if before else ({}, {})
    new_roles, new_keys = (after.roles or {}, after.keys) if after else ({}, {})
    for name in sorted({*old_roles, *new_roles}):
        old, new = old_roles.get(name), new_roles.get(name)
        if new is None:
            yield f"{name}: vouched for by nobody but the targets' keys again"
            continue
        if old is None or old.paths != new.paths:
            yield f"{name}: gets the say over {', '.join(new.paths or [])}"
        yield from _holders(name, old, old_keys, new, new_keys)


def _holders(
    name: str, old: Role | None, old_keys: Mapping[str, Any], new: Role, new_keys: Mapping[str, Any]
) -> Iterator[str]:
    had = set(old.keyids) if old else set()
    for keyid in sorted(set(new.keyids) - had):
        yield f"{name}: {_who(new_keys, keyid)} may sign"
    for keyid in sorted(had - set(new.keyids)):
        yield f"{name}: {_who(old_keys, keyid)} signs no more"
    if old is None or old.threshold != new.threshold:
        yield f"{name}: {new.threshold} of {len(new.keyids)} must sign" + (
            f" (was {old.threshold})" if old else ""
        )


def _who(keys: Mapping[str, Any], keyid: str) -> str:
    found = signer(keys[keyid])
    return f"{found.name or 'a key'} ({keyid[:8]})"


def _expiry(before: datetime | None, after: datetime) -> str:
    return f"valid until {after:%Y-%m-%d}" + (f" (was {before:%Y-%m-%d})" if before else "")
