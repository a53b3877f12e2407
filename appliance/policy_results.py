"""What the commands about policy, approvals and accounts give back."""

from dataclasses import dataclass
from typing import Any

from appliance.policy import Policy


@dataclass(frozen=True, slots=True)
class PolicyRule:
    path: str
    value: Any
    default: Any
    """None where there is none."""


@dataclass(frozen=True, slots=True)
class PolicyShown:
    policy: Policy
    rules: tuple[PolicyRule, ...]
    """The same, one value each."""
    digest: str
    """SHA-256 of its canonical JSON."""


@dataclass(frozen=True, slots=True)
class RuleChange:
    path: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class PolicyChanged:
    changed: tuple[RuleChange, ...]
    digest: str


@dataclass(frozen=True, slots=True)
class RequestRow:
    """Something that several people must stand behind."""

    id: str
    action: str
    subject: str
    digest: str
    """SHA-256 of exactly what is approved."""
    state: str
    """`open`, `approved`, `used`, `refused` or `expired`."""
    people: int
    behind: tuple[str, ...]
    """Accounts that stand behind it."""
    roles: tuple[str, ...]
    """Who may approve."""
    asked_by: str
    requested: str
    expires: str
    reason: str
    """Why it was refused."""


@dataclass(frozen=True, slots=True)
class RequestList:
    requests: tuple[RequestRow, ...]
    """Newest first."""


@dataclass(frozen=True, slots=True)
class RequestDecided:
    request: RequestRow
    missing: int
    """People who are still needed."""


@dataclass(frozen=True, slots=True)
class AccountRow:
    name: str
    role: str
    must_change: bool
    """Its password was set by somebody else; nothing but changing it is allowed."""
    disabled: bool
    created: str


@dataclass(frozen=True, slots=True)
class AccountList:
    accounts: tuple[AccountRow, ...]


@dataclass(frozen=True, slots=True)
class AccountAdded:
    name: str
    role: str
    password: str
    """Shown once; it must be changed before the account may do anything."""


@dataclass(frozen=True, slots=True)
class PasswordChanged:
    name: str
