"""One rule of the policy by its path, such as `retention.versions` or `floors.model.linear`."""

from collections.abc import Mapping
from typing import Any

import msgspec

from appliance.errors import ApplianceError
from appliance.policy import Policy

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
