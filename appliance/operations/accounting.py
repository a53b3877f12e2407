"""`appliance accounts …`: list, add, password."""

import asyncio
from hashlib import sha256

from appliance import policy
from appliance.accounts import Accounts, one_time_password
from appliance.approvals.needing import Needed, check_allowed, require
from appliance.console.commands import Role
from appliance.identifying import acting, verify
from appliance.operations.context import BoxContext
from appliance.policy_results import AccountAdded, AccountList, AccountRow, PasswordChanged


async def list_accounts(context: BoxContext) -> AccountList:
    accounts = Accounts(context.box.database).all()
    return AccountList(
        tuple(AccountRow(a.name, a.role, a.must_change, a.disabled, a.created) for a in accounts)
    )


async def add(
    context: BoxContext, *, name: str, role: str, account: str | None, password: str | None
) -> AccountAdded:
    box = context.box
    actor = await acting(box, context.actor, account, password)
    rule = policy.read(box.database).changes.accounts
    check_allowed(rule, actor, "make accounts")
    digest = sha256(f"{name}\0{role}".encode()).hexdigest()
    grant = require(
        box, actor, Needed("accounts.add", f"make the account {name}, {role}", digest, rule.people)
    )
    first = one_time_password()
    with box.change(actor, "accounts.add") as change:
        grant.use(change)
        Accounts(box.database).create(change.tx, name, Role(role), first, change.time, must_change=True)
        change.note(name, details={"role": role})
    return AccountAdded(name, role, first)


async def change_password(context: BoxContext, *, name: str, password: str, new: str) -> PasswordChanged:
    box = context.box
    account = await verify(box, name, password)
    await asyncio.to_thread(_store, context, account.name, new)
    return PasswordChanged(account.name)


def _store(context: BoxContext, name: str, new: str) -> None:
    with context.box.change(context.actor, "accounts.password") as change:
        Accounts(context.box.database).change_password(change.tx, name, new, change.time)
        change.note(name)
