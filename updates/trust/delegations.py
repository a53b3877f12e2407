"""Which role vouches for which target: the pre-order walk of TUF 1.0.31 §5.6.7, over all targets at once."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from tuf.api.metadata import DelegatedRole, Root, Snapshot, Targets, Timestamp

from updates import canonical
from updates.digest import Digest
from updates.refusals import refused
from updates.trust.metadata import Loaded

Scope = tuple[DelegatedRole, ...]
"""The delegations that lead to a role, outermost first; a target must lie within every one."""

_ROLE = re.compile(r"[A-Za-z0-9_-](?:[A-Za-z0-9_-]|\.(?!\.)){0,62}(?<!\.)")
_TOP_LEVEL = frozenset({Root.type, Targets.type, Snapshot.type, Timestamp.type})


@dataclass(frozen=True, slots=True)
class Target:
    """A file that a trusted role vouches for; `custom` is the role's word, not yet understood."""

    path: str
    length: int
    digest: Digest
    custom: Mapping[str, Any]
    role: str
    file: str
    """The metadata file that names it."""


def walk(
    top: Loaded[Targets],
    load_role: Callable[[str, Targets], Loaded[Targets]],
    limit: int,
) -> tuple[Target, ...]:
    """Every target that `top` or a role below it vouches for; the first role to name a path has the say.

    Args:
        top: the verified top-level targets.
        load_role: loads and verifies a role for its delegator.
        limit: the most roles that are followed.

    Raises:
        TrustError: `trust.outside-delegation`, `trust.unsupported`; what `load_role` raises.
        MediumError: `medium.malformed`.
    """
    found: dict[str, Target] = {}
    closed: list[Scope] = []
    visited = {Targets.type}

    def visit(role: str, loaded: Loaded[Targets], scope: Scope) -> None:
        for target in targets_of(role, loaded, scope):
            if not any(_closes(ended, scope, target.path) for ended in closed):
                found.setdefault(target.path, target)
        if scope and scope[-1].terminating:
            closed.append(scope)
        pending.extend((loaded, (*scope, child)) for child in reversed(list(_delegations(loaded))))

    pending: list[tuple[Loaded[Targets], Scope]] = []
    visit(Targets.type, top, ())
    while pending:
        delegator, scope = pending.pop()
        role = scope[-1].name
        if role in visited:
            continue
        visited.add(role)
        if len(visited) > limit:
            raise canonical.malformed(delegator.file, f"more than {limit} delegations")
        visit(role, load_role(role, delegator.signed), scope)
    return tuple(found.values())


def check_role_name(role: str, file: str) -> None:
    """Refuse a role whose name could lead out of the metadata folder."""
    if not _ROLE.fullmatch(role):
        raise canonical.malformed(file, f"{role[:80]!r} cannot name a role")


def targets_of(role: str, loaded: Loaded[Targets], scope: Scope = ()) -> Iterator[Target]:
    """The targets that one role's own metadata names. Raises: as `walk`."""
    for path, target in loaded.signed.targets.items():
        if not _within(scope, path):
            raise refused(
                "trust.outside-delegation",
                f"{loaded.file} vouches for {path[:120]}, which {role} has no say over",
                loaded.file,
            )
        custom = target.custom
        try:
            digest = Digest(target.hashes["sha256"])
        except (KeyError, ValueError, TypeError) as error:
            raise canonical.malformed(loaded.file, f"{path[:120]} has no SHA-256") from error
        if type(target.length) is not int:
            raise canonical.malformed(loaded.file, f"{path[:120]} has no length")
        yield Target(
            path,
            target.length,
            digest,
            MappingProxyType(custom if isinstance(custom, dict) else {}),
            role,
            loaded.file,
        )


def _delegations(loaded: Loaded[Targets]) -> Iterator[DelegatedRole]:
    delegations = loaded.signed.delegations
    if delegations is None:
        return
    if delegations.roles is None:
        raise refused("trust.unsupported", f"{loaded.file} delegates by hash bins", loaded.file)
    for delegation in delegations.roles.values():
        if delegation.name in _TOP_LEVEL:
            raise canonical.malformed(loaded.file, f"{delegation.name!r} cannot name a delegated role")
        yield delegation


def _within(scope: Scope, path: str) -> bool:
    return all(delegation.is_delegated_path(path) for delegation in scope)


def _closes(ended: Scope, scope: Scope, path: str) -> bool:
    """Whether a terminating delegation ends the search for `path` before `scope` is reached."""
    return scope[: len(ended)] != ended and _within(ended, path)
