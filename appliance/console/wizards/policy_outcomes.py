"""What the commands about updates, policy and approvals brought, as a person reads it on a console."""

from collections.abc import Callable
from typing import Any

import msgspec

from appliance.console import formats
from appliance.console.severity import Chip, Severity
from appliance.console.text import plain
from appliance.console.wizards.form import Fact, Outcome, Table
from appliance.policy_results import AccountList, PolicyShown, RequestList
from appliance.update_results import MediaFound, RolledBack


def _rolled_back(result: Any) -> Outcome:
    back = msgspec.convert(result, RolledBack)
    plan = "its measured plan still held" if back.plan_reused else "measured again"
    return Outcome(
        Chip(Severity.OK, f"Back at {plain(back.version, 30)}"),
        (f"{plain(back.name, 60)} was {plain(back.was, 30)}.",),
        facts=(Fact("Runs on", f"{plain(back.engine, 80)} ({plan})"),),
    )


def _media(result: Any) -> Outcome:
    found = msgspec.convert(result, MediaFound)
    rows = tuple(
        (
            plain(row.medium, 120),
            formats.count(len(row.new)),
            plain(f"{row.reason} [{row.code}]" if row.code else ", ".join(row.new) or "nothing new", 300),
        )
        for row in found.updates
    )
    unmounted = tuple(f"{plain(stick)} is plugged in and mounted nowhere." for stick in found.unmounted)
    if not rows:
        asked = unmounted or ("Insert a medium, or look into the inbox.",)
        return Outcome(Chip(Severity.NOTICE, "No update found"), asked)
    told = "1 update" if len(rows) == 1 else f"{len(rows)} updates"
    return Outcome(
        Chip(Severity.OK, told), unmounted, table=Table(("Where", "New", "What"), rows, right=("New",))
    )


def _policy(result: Any) -> Outcome:
    shown = msgspec.convert(result, PolicyShown)
    rows = tuple(
        (plain(rule.path, 60), _value(rule.value), "" if rule.value == rule.default else _value(rule.default))
        for rule in shown.rules
    )
    table = Table(("Rule", "Value", "Default"), rows)
    return Outcome(Chip(Severity.OK, "The policy of this box"), table=table)


def _requests(result: Any) -> Outcome:
    listing = msgspec.convert(result, RequestList)
    rows = tuple(
        (
            plain(row.id, 12),
            plain(row.state, 12),
            plain(row.subject, 200),
            f"{len(row.behind)} of {row.people}",
            plain(", ".join(row.behind), 80) or "nobody yet",
        )
        for row in listing.requests
    )
    if not rows:
        return Outcome(Chip(Severity.OK, "Nothing waits for approval"))
    table = Table(("Request", "State", "What", "People", "Stand behind it"), rows)
    return Outcome(
        Chip(Severity.NOTICE, "1 request" if len(rows) == 1 else f"{len(rows)} requests"), table=table
    )


def _accounts(result: Any) -> Outcome:
    listing = msgspec.convert(result, AccountList)
    rows = tuple(
        (
            plain(row.name, 64),
            plain(row.role, 20),
            "disabled" if row.disabled else "must change its password" if row.must_change else "",
        )
        for row in listing.accounts
    )
    return Outcome(
        Chip(Severity.OK, f"{len(rows)} accounts"), table=Table(("Account", "Role", "State"), rows)
    )


def _value(value: Any) -> str:
    if isinstance(value, str):
        return plain(value, 120)
    return "none" if value is None else plain(msgspec.json.encode(value).decode(), 120)


POLICY_OUTCOMES: dict[str, Callable[[Any], Outcome]] = {
    "update.rollback": _rolled_back,
    "update.media": _media,
    "policy.show": _policy,
    "approvals.list": _requests,
    "accounts.list": _accounts,
}
