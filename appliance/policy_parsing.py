"""A policy that comes from elsewhere: from a file, or on a medium."""

from typing import Any

import msgspec

from appliance.errors import ApplianceError
from appliance.policy import Policy


def parse(data: bytes) -> Policy:
    """A document from elsewhere; what it does not name takes its default, what is not known is refused.

    Raises ApplianceError `policy.value`.
    """
    try:
        policy = msgspec.json.decode(data, type=Policy)
        given = msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError) as error:
        raise _bad(f"It is no policy: {error}.") from error
    unknown = _unknown(given, msgspec.to_builtins(policy))
    if unknown:
        raise _bad(f"It has a rule that this release does not know: {unknown}.")
    return policy


def _unknown(given: Any, understood: Any, path: str = "") -> str:
    """The first name in a document that came to nothing."""
    if not isinstance(given, dict):
        return ""
    for key, value in given.items():
        here = f"{path}.{key}" if path else key
        if not isinstance(understood, dict) or key not in understood:
            return here
        found = _unknown(value, understood[key], here)
        if found:
            return found
    return ""


def _bad(what: str) -> ApplianceError:
    return ApplianceError(
        "policy.value",
        what,
        kept="Nothing was changed.",
        remedy="docs/policy.md says what a policy may contain.",
    )
