"""Local accounts and their passwords."""

from typing import Literal

import pytest
from argon2 import PasswordHasher, extract_parameters
from argon2.low_level import Type

from appliance.accounts import Accounts, check_password, one_time_password
from appliance.console.commands import Role
from appliance.errors import ApplianceError
from appliance.store.database import Database
from tests.governance.evidence import TIME

QUICK = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
PASSWORD = "correct horse battery"


@pytest.fixture
def accounts(database: Database) -> Accounts:
    accounts = Accounts(database, QUICK)
    with database.transaction() as tx:
        accounts.create(tx, "Ann", Role.TECHNICIAN, PASSWORD, TIME)
    return accounts


def test_a_box_starts_with_an_administrator_and_a_one_time_password(database: Database) -> None:
    accounts = Accounts(database, QUICK)
    with database.transaction() as tx:
        password = accounts.create_first_administrator(tx, "ann", TIME)
    assert password is not None
    account = accounts.verify("ann", password).account
    assert (account.role, account.must_change, account.created) == (Role.ADMIN, True, TIME)


def test_the_first_administrator_may_bring_a_password(database: Database) -> None:
    accounts = Accounts(database, QUICK)
    with database.transaction() as tx:
        assert accounts.create_first_administrator(tx, "ann", TIME, PASSWORD) is None
    assert not accounts.verify("ann", PASSWORD).account.must_change


def test_there_is_only_one_first_administrator(accounts: Accounts, database: Database) -> None:
    with pytest.raises(ApplianceError) as caught, database.transaction() as tx:
        accounts.create_first_administrator(tx, "bob", TIME)
    assert caught.value.code == "account.not-first"
    assert accounts.find("bob") is None


def test_passwords_are_kept_as_argon2id_with_the_librarys_parameters(database: Database) -> None:
    accounts = Accounts(database)
    with database.transaction() as tx:
        accounts.create(tx, "ann", Role.ADMIN, PASSWORD, TIME)
    stored = database.query("SELECT password FROM accounts")[0][0]
    parameters = extract_parameters(stored)
    assert parameters.type is Type.ID
    assert (parameters.memory_cost, parameters.time_cost) == (65_536, 3)
    assert accounts.verify("ann", PASSWORD).stronger_hash is None


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("ann", PASSWORD + "s"),
        ("ann", ""),
        ("bob", PASSWORD),
        ("", PASSWORD),
        ("ann' OR 1", PASSWORD),
        ("ann", "x" * 10**6),
    ],
)
def test_a_wrong_login_never_says_what_was_wrong(accounts: Accounts, name: str, password: str) -> None:
    with pytest.raises(ApplianceError) as caught:
        accounts.verify(name, password)
    assert caught.value.code == "account.refused"
    assert caught.value.what == "The name or the password is wrong, or the account is disabled."


def test_an_unknown_name_costs_as_much_hashing_as_a_known_one(database: Database, accounts: Accounts) -> None:
    checked: list[str] = []

    class Counting(PasswordHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002 -- the library's name
            checked.append(str(hash))
            return super().verify(hash, password)

    counting = Accounts(database, Counting(time_cost=1, memory_cost=64, parallelism=1))
    for name in ("ann", "nobody"):
        with pytest.raises(ApplianceError):
            counting.verify(name, "a wrong password")
    assert len(checked) == 2
    assert extract_parameters(checked[0]) == extract_parameters(checked[1])


def test_names_are_one_in_upper_and_lower_case(accounts: Accounts, database: Database) -> None:
    assert accounts.verify("ANN", PASSWORD).account.name == "Ann"
    with pytest.raises(ApplianceError) as caught, database.transaction() as tx:
        accounts.create(tx, "aNN", Role.ADMIN, PASSWORD, TIME)
    assert caught.value.code == "account.exists"
    assert [account.role for account in accounts.all()] == [Role.TECHNICIAN]


def test_a_disabled_account_is_refused_until_it_is_enabled(accounts: Accounts, database: Database) -> None:
    with database.transaction() as tx:
        accounts.disable(tx, "ann")
    with pytest.raises(ApplianceError) as caught:
        accounts.verify("ann", PASSWORD)
    assert caught.value.code == "account.refused"
    with database.transaction() as tx:
        accounts.disable(tx, "ann", disabled=False)
    assert accounts.verify("ann", PASSWORD).account.name == "Ann"


def test_a_changed_password_replaces_the_old_one(accounts: Accounts, database: Database) -> None:
    with database.transaction() as tx:
        accounts.change_password(tx, "ann", "another good phrase", "2027-01-01T00:00:00Z")
    account = accounts.verify("ann", "another good phrase").account
    assert account.password_changed == "2027-01-01T00:00:00Z"
    with pytest.raises(ApplianceError):
        accounts.verify("ann", PASSWORD)


def test_a_login_brings_an_older_hash_up_to_todays_parameters(accounts: Accounts, database: Database) -> None:
    stronger = Accounts(database, PasswordHasher(time_cost=2, memory_cost=128, parallelism=1))
    verified = stronger.verify("ann", PASSWORD)
    with database.transaction() as tx:
        stronger.strengthen(tx, verified)
    stored = database.query("SELECT password FROM accounts")[0][0]
    assert extract_parameters(stored).memory_cost == 128
    assert stronger.verify("ann", PASSWORD).stronger_hash is None


def test_a_damaged_hash_refuses_the_login(accounts: Accounts, database: Database) -> None:
    with database.transaction() as tx:
        tx.execute("UPDATE accounts SET password = 'plain'")
    with pytest.raises(ApplianceError) as caught:
        accounts.verify("ann", "plain")
    assert caught.value.code == "account.refused"


@pytest.mark.parametrize(
    "password", ["", "elevenchars", "a" * 1_025, "ann ann", "annannannann", "ababababababab"]
)
def test_a_poor_password_is_refused(accounts: Accounts, database: Database, password: str) -> None:
    with pytest.raises(ApplianceError) as caught, database.transaction() as tx:
        accounts.change_password(tx, "ann", password, TIME)
    assert caught.value.code == "account.password"
    assert not password or password not in str(caught.value.what + caught.value.remedy)
    assert accounts.verify("ann", PASSWORD).account.name == "Ann"


@pytest.mark.parametrize("name", ["", ".hidden", "a b", "a\nb", "аnn", "x" * 65, "a'--"])  # noqa: RUF001 -- a Cyrillic a
def test_a_name_that_could_deceive_in_the_log_is_refused(
    accounts: Accounts, database: Database, name: str
) -> None:
    with pytest.raises(ApplianceError) as caught, database.transaction() as tx:
        accounts.create(tx, name, Role.ADMIN, PASSWORD, TIME)
    assert caught.value.code == "account.name"


def test_an_account_for_anyone_is_refused(accounts: Accounts, database: Database) -> None:
    with pytest.raises(ApplianceError) as caught, database.transaction() as tx:
        accounts.create(tx, "guest", Role.ANYONE, PASSWORD, TIME)
    assert caught.value.code == "account.role"


def test_an_unknown_account_cannot_be_changed(accounts: Accounts, database: Database) -> None:
    with pytest.raises(ApplianceError) as caught, database.transaction() as tx:
        accounts.change_password(tx, "bob", PASSWORD, TIME)
    assert caught.value.code == "account.unknown"


def test_one_time_passwords_differ_and_satisfy_the_policy() -> None:
    passwords = {one_time_password() for _ in range(100)}
    assert len(passwords) == 100
    for password in passwords:
        check_password("ann", password)


def test_no_value_of_the_house_prints_a_password_or_hash(accounts: Accounts, database: Database) -> None:
    verified = Accounts(database, PasswordHasher(time_cost=2, memory_cost=64)).verify("ann", PASSWORD)
    assert verified.stronger_hash is not None
    assert "$argon2" not in repr(verified)
    assert PASSWORD not in repr(verified)
