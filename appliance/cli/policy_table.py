"""How policy, approvals and accounts read on a terminal."""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from rich.console import RenderableType
from rich.text import Text

from appliance import policy_results as results
from appliance.cli.layout import add_row, facts, table_of


def _shown(shown: results.PolicyShown) -> Iterator[RenderableType]:
    table = table_of("rule", "value", "default", wide=("value", "default"))
    for rule in shown.rules:
        same = rule.value == rule.default
        add_row(
            table,
            rule.path,
            value(rule.value),
            "" if same else value(rule.default),
            style="" if same else "bold",
        )
    yield table
    yield facts(("sha256", shown.digest))


def _changed(changed: results.PolicyChanged) -> Iterator[RenderableType]:
    if not changed.changed:
        yield "Nothing is different."
    for rule in changed.changed:
        yield Text(f"{rule.path} is {value(rule.after)}; it was {value(rule.before)}.")


def _requests(listing: results.RequestList) -> Iterator[RenderableType]:
    if not listing.requests:
        yield "Nothing waits for approval."
        return
    for row in listing.requests:
        yield Text(f"{row.id}  {row.state}", "bold")
        yield facts(*_request(row))


def _request(row: results.RequestRow) -> Iterator[tuple[str, str]]:
    yield "what", row.subject
    yield "asked by", f"{row.asked_by}, {row.requested[:16].replace('T', ' ')} UTC"
    yield "stand behind it", f"{', '.join(row.behind) or 'nobody yet'} ({len(row.behind)} of {row.people})"
    yield "may approve", " or ".join(row.roles)
    yield "void after", f"{row.expires[:16].replace('T', ' ')} UTC"
    if row.reason:
        yield "refused because", row.reason
    yield "sha256", row.digest


def _decided(decided: results.RequestDecided) -> Iterator[RenderableType]:
    row = decided.request
    yield Text(f"{row.id} is {row.state}: {row.subject}")
    if row.state == "approved":
        yield "Enough people stand behind it. Give the command again to carry it out."
    elif decided.missing and row.state == "open":
        yield f"{decided.missing} more needed."


def _accounts(listing: results.AccountList) -> Iterator[RenderableType]:
    table = table_of("account", "role", "state", "made")
    for row in listing.accounts:
        state = "disabled" if row.disabled else "must change its password" if row.must_change else ""
        add_row(table, row.name, row.role, state, row.created[:10])
    yield table


def _added(added: results.AccountAdded) -> Iterator[RenderableType]:
    yield f"Made the account {added.name}, {added.role}"
    yield facts(
        ("password, shown once", added.password),
        ("before its first use", f"appliance accounts password {added.name}"),
    )


def _password(changed: results.PasswordChanged) -> Iterator[RenderableType]:
    yield f"Changed the password of {changed.name}."


def value(of: Any) -> str:
    """A rule's value, as it is typed."""
    if of is None:
        return "none"
    if isinstance(of, str):
        return of or '""'
    if isinstance(of, list | tuple) and all(isinstance(item, str) for item in of):
        return ", ".join(of) or "nobody"
    return msgspec.json.encode(of).decode()


READERS: dict[type, Callable[[Any], Iterator[RenderableType]]] = {
    results.PolicyShown: _shown,
    results.PolicyChanged: _changed,
    results.RequestList: _requests,
    results.RequestDecided: _decided,
    results.AccountList: _accounts,
    results.AccountAdded: _added,
    results.PasswordChanged: _password,
}
