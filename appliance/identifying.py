"""Who says so: an account and its password, checked at a pace that guessing does not survive."""

import asyncio
import time
from collections.abc import Callable

from appliance.accounts import Account, Accounts
from appliance.actor import Actor
from appliance.box import Box
from appliance.errors import ApplianceError

FREE_ATTEMPTS = 5
"""Wrong passwords in a row before one must wait."""
FIRST_WAIT = 30.0
LONGEST_WAIT = 900.0
"""Seconds; each further wrong password doubles the wait."""
MOST_STRANGERS = 1_000
"""Names that no account has, of which attempts are remembered; the oldest are forgotten first."""


async def identify(box: Box, name: str, password: str, *, now: Callable[[], float] = time.time) -> Account:
    """The account that a name and a password are of.

    Raises ApplianceError: `account.wait`, `account.refused`, `account.must-change`.
    """
    account = await verify(box, name, password, now=now)
    if account.must_change:
        raise ApplianceError(
            "account.must-change",
            f"The password of {account.name} was set by somebody else.",
            kept="Nothing was changed.",
            remedy=f"Choose one of your own first: `appliance accounts password {account.name}`.",
        )
    return account


async def verify(box: Box, name: str, password: str, *, now: Callable[[], float] = time.time) -> Account:
    """As `identify`, also where nothing but changing the password is allowed."""
    accounts = Accounts(box.database)
    counted = name.strip().casefold()[
        :64
    ]  # names that no account has wait too, and so are not told from others
    _refuse_haste(box, counted, now())
    try:
        verified = await asyncio.to_thread(accounts.verify, name, password)
    except ApplianceError:
        with box.database.transaction() as tx:
            tx.execute(
                "INSERT INTO login_failures (account, count, last) VALUES (?, 1, ?) ON CONFLICT (account) "
                "DO UPDATE SET count = count + 1, last = excluded.last",
                (counted, now()),
            )
            tx.execute(
                "DELETE FROM login_failures WHERE account IN (SELECT account FROM login_failures WHERE account NOT IN "
                "(SELECT lower(name) FROM accounts) ORDER BY last DESC LIMIT -1 OFFSET ?)",
                (MOST_STRANGERS,),
            )
        raise
    with box.database.transaction() as tx:
        tx.execute("DELETE FROM login_failures WHERE account = ?", (counted,))
        accounts.strengthen(tx, verified)
    return verified.account


async def acting(box: Box, actor: Actor, account: str | None, password: str | None) -> Actor:
    """Who acts: the account, where one is named, else whoever the operating system let in.

    Raises ApplianceError: `account.password-needed`, and as `identify` does.
    """
    if account is None:
        return actor
    if password is None:
        raise ApplianceError(
            "account.password-needed",
            f"The password of {account} is needed.",
            kept="Nothing was changed.",
            remedy="Give it at the terminal, or with --password-file.",
        )
    found = await identify(box, account, password)
    return Actor(found.name, found.role, actor.correlation)


def seconds_to_wait(count: int, since: float) -> float:
    """After so many wrong passwords in a row, the last of which was so many seconds ago.

    A clock that was put back makes nobody wait longer than the longest wait.
    """
    if count < FREE_ATTEMPTS:
        return 0.0
    wait = min(FIRST_WAIT * 2.0 ** min(count - FREE_ATTEMPTS, 16), LONGEST_WAIT)
    return min(max(0.0, wait - max(0.0, since)), wait)


def _refuse_haste(box: Box, name: str, now: float) -> None:
    row = box.database.row("SELECT count, last FROM login_failures WHERE account = ?", (name,))
    wait = 0.0 if row is None else seconds_to_wait(row["count"], now - row["last"])
    if wait > 0:
        raise ApplianceError(
            "account.wait",
            f"Too many wrong passwords: wait {wait:.0f} s before the next attempt.",
            kept="Nobody was let in, and the password was not looked at.",
            remedy="Wait, or ask an administrator.",
        )
