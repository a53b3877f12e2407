"""The box's policy: one document that says what it keeps, how a new version proves itself, and what serves meanwhile.

It is stored as JSON under one key of the database. What it does not name holds by default, so that a release that adds
a rule reads what an older one had stored.
"""

from typing import Annotated

import msgspec

from appliance.errors import ApplianceError
from appliance.fallback import FallbackPolicy
from appliance.store.database import Reader, Transaction

KEY = "policy"

Count = Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)]
Bytes = Annotated[int, msgspec.Meta(ge=0, le=2**50)]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=31_536_000)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Factor = Annotated[float, msgspec.Meta(ge=1, le=1_000)]


class Document(
    msgspec.Struct, frozen=True, kw_only=True, rename=lambda name: name.replace("_", "-"), omit_defaults=False
):
    """A part of the policy; its fields' names have dashes in JSON."""


class Retention(Document, frozen=True):
    """What is kept of a model's older versions; what serves, soaks or would be rolled back to always is."""

    versions: Count = 3
    """Versions of each model, the newest ones."""
    size: Bytes = 0
    """Bytes of all versions of each model together; 0 sets no limit."""


class Soak(Document, frozen=True):
    """How long a version that an update activated is watched, and what it is allowed."""

    seconds: Seconds = 600.0
    """Of service. With no `requests` either, versions are confirmed at once."""
    requests: Count = 0
    """That it must have answered as well."""
    judge_after: Count = 20
    """Requests before its errors and its latency are judged."""
    error_rate: Share = 0.05
    """Share of requests that may fail beyond the old version's share."""
    slower: Factor = 3.0
    """Times the planned latency, or the old version's, that its p50 may take."""
    crashes: Count = 1
    """Crashes of its worker beyond the old version's in the same time."""


class Policy(Document, frozen=True):
    """The whole document."""

    fallback: FallbackPolicy = FallbackPolicy.REFUSE
    retention: Retention = Retention()
    soak: Soak = Soak()


def read(reader: Reader) -> Policy:
    """The box's policy; the defaults where none was ever set.

    Raises ApplianceError `policy.unreadable`: what is stored is not understood, and nothing is assumed in its place.
    """
    row = reader.row("SELECT value FROM settings WHERE key = ?", (KEY,))
    if row is None:
        return Policy()
    try:
        return msgspec.json.decode(row["value"], type=Policy)
    except msgspec.DecodeError as error:
        raise ApplianceError(
            "policy.unreadable",
            f"The stored policy is not understood: {error}.",
            kept="What it may have forbidden stays forbidden; what serves goes on serving.",
            remedy="Use the release that had written it, or set it anew with `appliance policy load`.",
        ) from error


def write(tx: Transaction, policy: Policy) -> None:
    tx.execute(
        "INSERT INTO settings (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        (KEY, msgspec.json.encode(policy).decode()),
    )


def fallback(reader: Reader) -> FallbackPolicy:
    """What becomes of deployments whose device is gone; `refuse` where the policy cannot be read."""
    try:
        return read(reader).fallback
    except ApplianceError:
        return FallbackPolicy.REFUSE
