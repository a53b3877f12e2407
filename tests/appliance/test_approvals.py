"""What needs a second person waits for one, who must be another."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.accounts import Account
from appliance.approvals.rules import Request, State, check_may_approve
from appliance.cli.main import main
from appliance.console.commands import Role
from appliance.errors import ApplianceError
from appliance.identifying import FIRST_WAIT, FREE_ATTEMPTS, LONGEST_WAIT, seconds_to_wait
from tests.appliance.cli import Cli
from tests.appliance.depots import TestDepot
from tests.appliance.people import People


@pytest.fixture
def people(box: Cli, tmp_path: Path) -> People:
    """`anna` and `bert` are administrators, `tina` is a technician."""
    made = People(box, tmp_path)
    for name in ("anna", "bert"):
        made.add(name)
    made.add("tina", "technician")
    return made


@pytest.fixture
def strict(box: Cli, people: People) -> Cli:
    """A box on which two people must stand behind the import of a model."""
    box.ok("policy", "set", "imports.model.people", "2")
    return box


def waiting(box: Cli) -> str:
    (request,) = box.ok("approvals", "list")["requests"]
    identity: str = request["id"]
    return identity


def test_an_import_waits_for_a_second_person_and_goes_on_once_there_is_one(
    strict: Cli, people: People, medium: Path
) -> None:
    error = strict.fails("approval.needed", "update", "import", str(medium), *people.acting("tina"))
    request = waiting(strict)
    assert request in error["kept"]
    assert request in error["remedy"]
    assert strict.ok("models")["models"] == []
    preview = strict.ok("update", "inspect", str(medium))
    assert (preview["people"], preview["request"], preview["behind"]) == (2, request, ["tina"])
    decided = strict.ok("approvals", "approve", request, *people.acting("anna"))
    assert (decided["missing"], decided["request"]["state"]) == (0, "approved")
    assert strict.ok("update", "import", str(medium), *people.acting("tina"))["applied"]
    assert strict.ok("approvals", "list")["requests"] == []
    (used,) = strict.ok("approvals", "list", "--all")["requests"]
    assert (used["state"], used["behind"]) == ("used", ["tina", "anna"])
    told = [(e["action"], e["actor"], e["outcome"]) for e in strict.audit() if "approv" in e["action"]]
    assert told == [("approvals.ask", "tina", "ok"), ("approvals.approve", "anna", "ok")]
    strict.ok("audit", "verify")


def test_whoever_nobody_knows_counts_as_nobody(strict: Cli, people: People, medium: Path) -> None:
    strict.fails("approval.needed", "update", "import", str(medium))
    assert strict.ok("approvals", "approve", waiting(strict), *people.acting("anna"))["missing"] == 1
    strict.fails("approval.needed", "update", "import", str(medium))
    assert strict.ok("approvals", "approve", waiting(strict), *people.acting("bert"))["missing"] == 0
    assert strict.ok("update", "import", str(medium))["applied"]


def test_nobody_approves_what_they_asked_for_or_twice(strict: Cli, people: People, medium: Path) -> None:
    strict.fails("approval.needed", "update", "import", str(medium), *people.acting("anna"))
    strict.fails("approval.needed", "update", "import", str(medium), *people.acting("anna"))
    request = waiting(strict)
    strict.fails("approval.own", "approvals", "approve", request, *people.acting("anna"))
    upper = ("--account", "ANNA", *people.acting("anna")[2:])
    strict.fails("approval.own", "approvals", "approve", request, *upper)
    strict.fails("approval.role", "approvals", "approve", request, *people.acting("tina"))
    strict.fails("approval.unknown", "approvals", "approve", "zzzzzz", *people.acting("bert"))
    strict.fails("account.refused", "approvals", "approve", request, *people.mistaken("bert"))
    assert strict.audit()[-1]["code"] == "account.refused"
    assert strict.ok("models")["models"] == []


def test_two_who_ask_for_the_same_stand_behind_it(strict: Cli, people: People, medium: Path) -> None:
    strict.fails("approval.needed", "update", "import", str(medium), *people.acting("anna"))
    assert strict.ok("update", "import", str(medium), *people.acting("bert"))["applied"]


def test_a_refusal_ends_a_request_with_its_reason(strict: Cli, people: People, medium: Path) -> None:
    strict.fails("approval.needed", "update", "import", str(medium), *people.acting("tina"))
    request = waiting(strict)
    strict.ok("approvals", "refuse", request, "--reason", "not on a Friday", *people.acting("bert"))
    error = strict.fails("approval.closed", "approvals", "approve", request, *people.acting("anna"))
    assert "not on a Friday" in error["what"]
    strict.fails("approval.needed", "update", "import", str(medium), *people.acting("tina"))
    assert waiting(strict) != request


def test_what_was_approved_is_exactly_what_was_shown(
    new_box: Callable[[TestDepot], Cli], tmp_path: Path
) -> None:
    depot = TestDepot(tmp_path / "depot")
    depot.add_linear()
    box = new_box(depot)
    people = People(box, tmp_path)
    people.add("anna")
    people.add("bert")
    box.ok("policy", "set", "imports.model.people", "2")
    medium = depot.publish()
    box.fails("approval.needed", "update", "import", str(medium), *people.acting("anna"))
    box.ok("approvals", "approve", waiting(box), *people.acting("bert"))
    depot.add_linear(version="1.1.0")
    other = depot.publish("other")
    box.fails("approval.needed", "update", "import", str(other), *people.acting("anna"))
    assert len(box.ok("approvals", "list")["requests"]) == 2
    assert box.ok("update", "import", str(medium), *people.acting("anna"))["applied"]


def test_a_disabled_account_stands_behind_nothing(strict: Cli, people: People, medium: Path) -> None:
    strict.fails("approval.needed", "update", "import", str(medium), *people.acting("tina"))
    strict.ok("approvals", "approve", waiting(strict), *people.acting("anna"))
    _disable(strict, "anna")
    error = strict.fails("approval.needed", "update", "import", str(medium), *people.acting("tina"))
    assert "tina stands behind it" in error["what"]


def test_guessing_passwords_is_slow_and_does_not_tell_which_name_is_right(
    strict: Cli, people: People, medium: Path
) -> None:
    strict.fails("approval.needed", "update", "import", str(medium))
    request = waiting(strict)
    for _ in range(FREE_ATTEMPTS):
        strict.fails("account.refused", "approvals", "approve", request, *people.mistaken("anna"))
    strict.fails("account.wait", "approvals", "approve", request, *people.acting("anna"))
    strict.ok("approvals", "approve", request, *people.acting("bert"))
    for _ in range(FREE_ATTEMPTS):
        strict.fails("account.refused", "approvals", "approve", request, *people.mistaken("nobody"))
    strict.fails("account.wait", "approvals", "approve", request, *people.mistaken("NOBODY"))


def test_a_first_password_is_good_for_nothing_but_being_changed(box: Cli, tmp_path: Path) -> None:
    first = tmp_path / "first"
    first.write_text(box.ok("accounts", "add", "new", "--role", "admin")["password"])
    who = ("--account", "new", "--password-file", str(first))
    box.fails("account.must-change", "settings", "set", "keep-versions", "9", *who)
    rows = {row["name"]: row for row in box.ok("accounts", "list")["accounts"]}
    assert rows["new"]["must_change"] is True


def test_no_password_is_ever_shown_or_logged(
    strict: Cli, people: People, medium: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    main(["update", "import", str(medium), *people.acting("anna"), "--state-dir", str(strict.state)])
    main(["audit", "list", "--state-dir", str(strict.state)])
    assert "the password of" not in capsys.readouterr().out
    stored = b"".join(file.read_bytes() for file in strict.state.rglob("*") if file.is_file())
    assert b"the password of" not in stored


def _disable(box: Cli, name: str) -> None:
    with closing(sqlite3.connect(box.state / "appliance.sqlite3")) as database, database:
        database.execute("UPDATE accounts SET disabled = 1 WHERE name = ?", (name,))


OPEN = Request(
    "abcdef", "update.import", "import", "0" * 64, 2, ("admin",), "anna", "2026-01-01", "2026-01-04"
)


def account(name: str, role: Role = Role.ADMIN) -> Account:
    return Account(name, role, must_change=False, disabled=False, created="", password_changed="")


def test_a_request_is_void_after_its_time_and_approved_by_enough() -> None:
    assert OPEN.at("2026-01-03").state is State.OPEN
    assert OPEN.at("2026-01-04").state is State.EXPIRED
    two = OPEN.with_vote("anna", "2026-01-02").with_vote("bert", "2026-01-02")
    assert (two.state, two.missing) == (State.APPROVED, 0)
    assert two.at("2026-01-05").state is State.EXPIRED
    assert replace(two, state=State.USED).at("2026-01-05").state is State.USED
    assert OPEN.with_vote("anna", "t").with_vote("ANNA", "t").missing == 1


@pytest.mark.parametrize(
    ("request_", "who", "code"),
    [
        (OPEN, account("anna"), "approval.own"),
        (OPEN.with_vote("bert", "2026"), account("Bert"), "approval.own"),
        (OPEN, account("tina", Role.TECHNICIAN), "approval.role"),
        (replace(OPEN, state=State.USED), account("bert"), "approval.closed"),
        (replace(OPEN, state=State.EXPIRED), account("bert"), "approval.closed"),
    ],
)
def test_who_may_not_approve(request_: Request, who: Account, code: str) -> None:
    with pytest.raises(ApplianceError) as raised:
        check_may_approve(request_, who)
    assert raised.value.code == code


def test_the_wait_grows_with_wrong_passwords_and_ends_whatever_the_clock_does() -> None:
    assert seconds_to_wait(FREE_ATTEMPTS - 1, 0) == 0
    assert seconds_to_wait(FREE_ATTEMPTS, 0) == FIRST_WAIT
    assert seconds_to_wait(FREE_ATTEMPTS, FIRST_WAIT) == 0
    assert seconds_to_wait(FREE_ATTEMPTS + 2, 0) == 4 * FIRST_WAIT
    assert seconds_to_wait(10_000, 0) == LONGEST_WAIT
    assert seconds_to_wait(10_000, -1e9) == LONGEST_WAIT
