"""The box's policy: one document that says what it keeps, how a new version proves itself, and what serves meanwhile.

It is stored as JSON under one key of the database. What it does not name holds by default, so that a release that adds
a rule reads what an older one had stored.
"""

from enum import StrEnum
from typing import Annotated

import msgspec

from appliance.errors import ApplianceError
from appliance.fallback import FallbackPolicy
from appliance.store.database import Reader, Transaction
from updates.names import Kind

KEY = "policy"

Count = Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)]
Bytes = Annotated[int, msgspec.Meta(ge=0, le=2**50)]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=31_536_000)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
People = Annotated[int, msgspec.Meta(ge=1, le=5)]
Hours = Annotated[int, msgspec.Meta(ge=1, le=8_760)]
Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]
Version = Annotated[
    str, msgspec.Meta(pattern=r"^[0-9]{1,9}(\.[0-9]{1,9}){0,3}(-[0-9a-z]+([.-][0-9a-z]+)*)?$")
]
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


class Who(StrEnum):
    """In which role somebody acts."""

    OPERATOR = "operator"
    """Whoever the operating system lets at the control socket; nobody has logged in."""
    TECHNICIAN = "technician"
    ADMIN = "admin"
    INTEGRATOR = "integrator"


class Rule(Document, frozen=True):
    """Who may do something, and how many must stand behind it."""

    roles: tuple[Who, ...] = tuple(Who)
    people: People = 1
    """Different accounts; where it is more than one, those who approve it and, if they gave a password, who asked."""


class ImportRule(Rule, frozen=True):
    """Who may import a kind of artifact."""

    auto: bool = False
    """A medium or the inbox is imported as soon as it is found; never where a second person is needed."""


class PolicyRule(ImportRule, frozen=True):
    """The rule for policies: an account's, and two people."""

    roles: tuple[Who, ...] = (Who.ADMIN,)
    people: People = 2


class Imports(Document, frozen=True):
    """By kind of artifact."""

    model: ImportRule = ImportRule()
    runtime: ImportRule = ImportRule()
    software: ImportRule = ImportRule()
    system: ImportRule = ImportRule()
    knowledge: ImportRule = ImportRule()
    policy: PolicyRule = PolicyRule()

    def of(self, kind: Kind) -> ImportRule:
        rule: ImportRule = getattr(self, kind.value)
        return rule


class Changes(Document, frozen=True):
    """What may be done at the box itself."""

    policy: Rule = Rule()
    """Changing settings and policy."""
    accounts: Rule = Rule()
    """Making accounts."""
    expired: Rule = Rule()
    """Importing metadata past its expiry date. Without any role, nobody may."""


class Approvals(Document, frozen=True):
    roles: tuple[Who, ...] = (Who.ADMIN,)
    """Who may approve what others ask for."""
    hours: Hours = 72
    """After which a request that nobody used is void."""


class Media(Document, frozen=True):
    inbox: str = ""
    """A folder in which updates arrive, such as the end of a data diode; empty for none."""
    mounts: bool = True
    """Whether mounted media are looked at."""


class Policy(Document, frozen=True):
    """The whole document."""

    fallback: FallbackPolicy = FallbackPolicy.REFUSE
    retention: Retention = Retention()
    soak: Soak = Soak()
    imports: Imports = Imports()
    changes: Changes = Changes()
    approvals: Approvals = Approvals()
    floors: dict[Kind, dict[Name, Version]] = {}
    """Kind -> name -> the oldest version that may come in or serve."""
    media: Media = Media()

    def floor(self, kind: Kind, name: str) -> str | None:
        """The oldest version allowed; None where any is."""
        return self.floors.get(kind, {}).get(name)


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


def media(reader: Reader) -> Media:
    """Where updates arrive; nowhere where the policy cannot be read."""
    try:
        return read(reader).media
    except ApplianceError:
        return Media(mounts=False)


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
