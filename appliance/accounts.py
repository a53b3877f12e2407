"""Local accounts: who may log in, in which role, with a password kept as Argon2id."""

import re
import secrets
import sqlite3
from dataclasses import dataclass, field

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from appliance.console.commands import Role
from appliance.errors import ApplianceError
from appliance.store.database import Database, Reader, Transaction

MINIMUM_PASSWORD_LENGTH = 12
MAXIMUM_PASSWORD_LENGTH = 1_024
ONE_TIME_PASSWORD_GROUPS = 4

_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that a tired reader takes for another
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_HASHER = PasswordHasher()


@dataclass(frozen=True, slots=True)
class Account:
    name: str
    role: Role
    must_change: bool
    """The password was set by somebody else; nothing but changing it is allowed."""
    disabled: bool
    created: str
    password_changed: str
    """Both ISO 8601, UTC."""


@dataclass(frozen=True, slots=True)
class Verified:
    """A login that was right. `stronger_hash` is set where today's parameters ask for another hash."""

    account: Account
    stronger_hash: str | None = field(repr=False)


class Accounts:
    """The accounts in the appliance's database; whoever changes one writes the audit entry beside it."""

    def __init__(self, database: Database, hasher: PasswordHasher = _HASHER) -> None:
        self._database = database
        self._hasher = hasher
        self._nobody: str | None = None

    def all(self) -> list[Account]:
        return [_account(row) for row in self._database.query("SELECT * FROM accounts ORDER BY name")]

    def find(self, name: str, reader: Reader | None = None) -> Account | None:
        """The account of that name; upper and lower case are one."""
        row = self._row(name, reader or self._database)
        return None if row is None else _account(row)

    def create_first_administrator(
        self, tx: Transaction, name: str, time: str, password: str | None = None
    ) -> str | None:
        """Make the account a new box starts with; a one-time password where none was given, else None.

        Raises ApplianceError: `account.not-first`, `account.name`, `account.password`.
        """
        if tx.row("SELECT 1 FROM accounts") is not None:
            raise ApplianceError(
                "account.not-first",
                "This box has its first administrator already.",
                kept="The accounts were left as they are.",
                remedy="Log in as an administrator to make further accounts.",
            )
        one_time = one_time_password() if password is None else None
        self.create(tx, name, Role.ADMIN, one_time or password or "", time, must_change=one_time is not None)
        return one_time

    def create(
        self, tx: Transaction, name: str, role: Role, password: str, time: str, *, must_change: bool = False
    ) -> Account:
        """Raises ApplianceError: `account.exists`, `account.name`, `account.role`, `account.password`."""
        _check_name(name)
        if role is Role.ANYONE:
            raise ApplianceError("account.role", "An account needs a role of its own.")
        check_password(name, password)
        try:
            tx.execute(
                "INSERT INTO accounts (name, role, password, must_change, created, password_changed)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (name, role.value, self._hasher.hash(password), int(must_change), time, time),
            )
        except sqlite3.IntegrityError:
            raise ApplianceError(
                "account.exists",
                f"There is an account {name!r} already.",
                kept="It was left as it is.",
                remedy="Choose another name.",
            ) from None
        return Account(name, role, must_change, disabled=False, created=time, password_changed=time)

    def change_password(
        self, tx: Transaction, name: str, password: str, time: str, *, must_change: bool = False
    ) -> None:
        """Raises ApplianceError: `account.unknown`, `account.password`."""
        check_password(name, password)
        changed = tx.execute(
            "UPDATE accounts SET password = ?, must_change = ?, password_changed = ? WHERE name = ?",
            (self._hasher.hash(password), int(must_change), time, name),
        )
        _require(changed, name)

    def disable(self, tx: Transaction, name: str, *, disabled: bool = True) -> None:
        """Refuse (or allow again) its logins; accounts are never deleted, the audit log names them."""
        changed = tx.execute("UPDATE accounts SET disabled = ? WHERE name = ?", (int(disabled), name))
        _require(changed, name)

    def verify(self, name: str, password: str) -> Verified:
        """Check a login, or raise ApplianceError `account.refused`.

        It never says which part was wrong, and takes as long for a name that does not exist.
        Hashing takes about 0.1 s: call it outside of any transaction.
        """
        row = self._row(name, self._database)
        nobody = self._nobodys_hash()
        stored = nobody if row is None else str(row["password"])
        right = self._matches(stored, password[: MAXIMUM_PASSWORD_LENGTH + 1])
        if row is None or not right or row["disabled"]:
            raise ApplianceError(
                "account.refused",
                "The name or the password is wrong, or the account is disabled.",
                kept="Nobody was logged in.",
                remedy="Try again, or ask an administrator.",
            )
        weak = self._hasher.check_needs_rehash(stored)
        return Verified(_account(row), self._hasher.hash(password) if weak else None)

    def strengthen(self, tx: Transaction, verified: Verified) -> None:
        """Store the hash that `verify` found to be due, if any; the password stays the same."""
        if verified.stronger_hash is not None:
            tx.execute(
                "UPDATE accounts SET password = ? WHERE name = ?",
                (verified.stronger_hash, verified.account.name),
            )

    def _row(self, name: str, reader: Reader) -> sqlite3.Row | None:
        return reader.row("SELECT * FROM accounts WHERE name = ?", (name,))

    def _matches(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False

    def _nobodys_hash(self) -> str:
        if self._nobody is None:
            self._nobody = self._hasher.hash(secrets.token_hex(16))
        return self._nobody


def one_time_password() -> str:
    """Readable over a shoulder or a phone: groups such as `k7wd-9m2x-…`, about 80 bits."""
    groups = ("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(ONE_TIME_PASSWORD_GROUPS))
    return "-".join(groups)


def check_password(name: str, password: str) -> None:
    """Raise ApplianceError `account.password` unless the password is long enough and not the name."""
    if not MINIMUM_PASSWORD_LENGTH <= len(password) <= MAXIMUM_PASSWORD_LENGTH:
        fault = f"has {len(password)} characters"
    elif password.casefold().replace(name.casefold(), "") == "":
        fault = "is only the name of the account"
    elif len(set(password)) < 4:
        fault = "repeats the same few characters"
    else:
        return
    raise ApplianceError(
        "account.password",
        f"The password {fault}.",
        kept="The password was not set.",
        remedy=f"Use at least {MINIMUM_PASSWORD_LENGTH} characters, several words for example.",
    )


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):  # ASCII: in the audit log nobody's name may look like another's
        raise ApplianceError(
            "account.name",
            f"{name[:64]!r} cannot be the name of an account.",
            remedy="Use a to z, digits and . _ - @, at most 64 of them, beginning with a letter or digit.",
        )


def _require(changed: int, name: str) -> None:
    if not changed:
        raise ApplianceError("account.unknown", f"There is no account {name!r}.")


def _account(row: sqlite3.Row) -> Account:
    return Account(
        name=row["name"],
        role=Role(row["role"]),
        must_change=bool(row["must_change"]),
        disabled=bool(row["disabled"]),
        created=row["created"],
        password_changed=row["password_changed"],
    )
