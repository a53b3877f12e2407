"""One rule of the policy by its path, such as `retention.versions` or `floors.model.linear`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from appliance.errors import ApplianceError
from appliance.policy import Policy, Rule

NOTHING = "none"
"""Removes a rule that carries a name."""
_DEPTH = 2
"""Dots that divide; those that follow belong to a name."""


def value_at(policy: Policy, path: str) -> Any:
    """What stands at a path, as a JSON value; None where nothing does."""
    value: Any = msgspec.to_builtins(policy)
    for part in path.split(".", _DEPTH):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def with_value(policy: Policy, path: str, text: str) -> Policy:
    """The policy with another value at a path; `text` is a word, a number or JSON.

    Raises ApplianceError: `policy.unknown`, `policy.value`.
    """
    reason = ""
    for value in _readings(text):
        try:
            changed = msgspec.convert(_document(policy, path, value), Policy, strict=False)
        except msgspec.ValidationError as error:
            reason = reason or str(error)
            continue
        if value is None or value_at(changed, path) is not None:
            return changed
        raise _refused("policy.unknown", f"The policy has no rule {path!r}.")
    raise _refused("policy.value", f"{path} cannot be {text!r}: {reason}.")


@dataclass(frozen=True, slots=True)
class Difference:
    """One rule in two policies, as JSON; None where there is none."""

    path: str
    before: Any
    after: Any

    @property
    def told(self) -> str:
        return f"{self.path} {_shown(self.before)} -> {_shown(self.after)}"


def flat(policy: Policy) -> dict[str, Any]:
    """Every rule by its path."""
    return dict(_leaves(msgspec.to_builtins(policy), ""))


def differences(before: Policy, after: Policy) -> tuple[Difference, ...]:
    old, new = flat(before), flat(after)
    paths = [
        path for path in (*old, *(path for path in new if path not in old)) if old.get(path) != new.get(path)
    ]
    return tuple(Difference(path, old.get(path), new.get(path)) for path in paths)


def rules_of(policy: Policy) -> Iterator[tuple[str, Rule]]:
    """Each rule that names people, by its path."""
    for part in ("imports", "changes"):
        rules = getattr(policy, part)
        for name in rules.__struct_fields__:
            yield f"{part}.{name}", getattr(rules, name)


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if not isinstance(value, dict):
        yield path, value
        return
    for key, below in value.items():
        yield from _leaves(below, f"{path}.{key}" if path else key)


def _shown(value: Any) -> str:
    return NOTHING if value is None else msgspec.json.encode(value).decode()


def _readings(text: str) -> list[Any]:
    """What a text may mean, the plainest first."""
    if text == NOTHING:
        return [None]
    try:
        return [text, msgspec.json.decode(text)]
    except msgspec.DecodeError:
        return [text]


def _document(policy: Policy, path: str, value: Any) -> dict[str, Any]:
    document: dict[str, Any] = msgspec.to_builtins(policy)
    *above, last = path.split(".", _DEPTH)
    place = document
    for part in above:
        below = place.get(part)
        place[part] = place = below if isinstance(below, dict) else {}
    if value is None:
        place.pop(last, None)
    else:
        place[last] = value
    return document


def _refused(code: str, what: str) -> ApplianceError:
    return ApplianceError(
        code,
        what,
        kept="Nothing was changed.",
        remedy="`appliance policy show` lists the rules, and docs/policy.md what each takes.",
    )
