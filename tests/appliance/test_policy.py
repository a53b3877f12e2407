"""The policy: one document that is shown, changed by those who may, and held to."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlite_utils import Database as Tables

import updates.trust.clock
from appliance.console.wizards.outcome import outcome
from appliance.errors import ApplianceError
from appliance.policy import Policy, read
from appliance.policy_parsing import parse
from appliance.policy_paths import differences, flat, value_at, with_value
from appliance.settings import SETTINGS
from appliance.store import schema
from appliance.store.database import Database
from tests.appliance.cli import Cli
from tests.appliance.depots import TestDepot
from tests.appliance.people import People


def test_a_rule_is_shown_changed_and_logged(box: Cli) -> None:
    rules = {rule["path"]: rule["value"] for rule in box.ok("policy", "show")["rules"]}
    assert rules["imports.policy.people"] == 2
    assert rules["retention.versions"] == 3
    changed = box.ok("policy", "set", "retention.versions", "5")["changed"]
    assert changed == [{"path": "retention.versions", "before": 3, "after": 5}]
    assert box.audit()[-1]["action"] == "policy.set"
    settings = {row["name"]: row["value"] for row in box.ok("settings", "list")["settings"]}
    assert settings["keep-versions"] == "5"
    box.ok("settings", "set", "keep-versions", "7")
    assert box.ok("policy", "show")["policy"]["retention"]["versions"] == 7


def test_consoles_show_the_policy_the_accounts_and_what_waits(box: Cli, medium: Path, tmp_path: Path) -> None:
    people = People(box, tmp_path)
    people.add("anna")
    box.ok("policy", "set", "imports.model.people", "2")
    box.fails("approval.needed", "update", "import", str(medium))
    shown = outcome("policy.show", box.ok("policy", "show")).table
    assert shown is not None
    assert ("imports.model.people", "2", "1") in shown.rows
    accounts = outcome("accounts.list", box.ok("accounts", "list")).table
    assert accounts is not None
    assert ("anna", "admin", "") in accounts.rows
    waiting = outcome("approvals.list", box.ok("approvals", "list"))
    assert waiting.heading.word == "1 request"
    assert waiting.table is not None
    assert waiting.table.rows[0][2:] == ("import model linear 1.0.0", "0 of 2", "nobody yet")
    (told,) = box.ok("status")["waiting"]
    assert told == f"{waiting.table.rows[0][0]}: import model linear 1.0.0"


def test_a_whole_policy_is_loaded_and_what_it_does_not_know_is_refused(box: Cli, tmp_path: Path) -> None:
    file = tmp_path / "policy.json"
    file.write_text(json.dumps({"fallback": "degrade", "floors": {"model": {"linear": "1.2.0"}}}))
    changed = box.ok("policy", "load", str(file))["changed"]
    assert {rule["path"] for rule in changed} == {"fallback", "floors.model.linear"}
    file.write_text(json.dumps({"imports": {"model": {"persons": 2}}}))
    assert "imports.model.persons" in box.fails("policy.value", "policy", "load", str(file))["what"]
    file.write_text("{")
    box.fails("policy.value", "policy", "load", str(file))
    box.fails("policy.unreadable-file", "policy", "load", str(tmp_path / "missing"))
    assert box.ok("policy", "show")["policy"]["fallback"] == "degrade"


def test_versions_below_the_floor_neither_come_in_nor_serve(
    new_box: Callable[[TestDepot], Cli], tmp_path: Path
) -> None:
    depot = TestDepot(tmp_path / "depot")
    depot.add_linear(version="1.0.0")
    box = new_box(depot)
    first = depot.publish("first")
    box.ok("policy", "set", "floors.model.linear", "1.1.0")
    (shown,) = box.ok("update", "inspect", str(first))["artifacts"]
    assert "1.1.0 or newer" in shown["refused"]
    box.fails("policy.below-floor", "update", "import", str(first))
    assert box.ok("models")["models"] == []
    depot.add_linear(version="1.1.0")
    report = box.ok("update", "import", str(depot.publish("second")))
    assert [a["version"] for a in report["applied"]] == ["1.1.0"]
    assert [(r["version"], r["code"]) for r in report["rejected"]] == [("1.0.0", "policy.below-floor")]
    box.ok("policy", "set", "floors.model.linear", "none")
    assert box.ok("policy", "show")["policy"]["floors"] == {"model": {}}
    box.ok("deploy", "linear", "--budget", "1")
    box.ok("policy", "set", "floors.model.linear", "2.0")
    box.fails("policy.below-floor", "deploy", "linear", "--version", "1.1.0")


def test_roles_that_may_not_import_are_refused_before_anything_is_copied(
    box: Cli, medium: Path, tmp_path: Path
) -> None:
    people = People(box, tmp_path)
    people.add("tina", "technician")
    people.add("anna")
    box.ok("policy", "set", "imports.model.roles", '["admin"]')
    assert "admin" in box.ok("update", "inspect", str(medium))["refused"]
    box.fails("policy.role", "update", "import", str(medium))
    assert box.audit()[-1]["outcome"] == "refused"
    box.fails("policy.role", "update", "import", str(medium), *people.acting("tina"))
    assert list((box.state / "blobs").rglob("*/*")) == []
    assert box.ok("update", "import", str(medium), *people.acting("anna"))["applied"]
    assert {e["actor"] for e in box.audit() if e["action"] == "update.import" and e["outcome"] == "ok"} == {
        "anna"
    }


def test_nobody_is_locked_out_by_a_rule_that_asks_for_more_people_than_there_are(
    box: Cli, tmp_path: Path
) -> None:
    error = box.fails("policy.locks-out", "policy", "set", "imports.model.people", "2")
    assert "accounts add" in error["remedy"]
    people = People(box, tmp_path)
    people.add("anna")
    box.ok("policy", "set", "imports.model.people", "2")
    box.fails("policy.locks-out", "policy", "set", "imports.model.people", "3")


def test_two_people_stand_behind_a_changed_policy_where_it_says_so(box: Cli, tmp_path: Path) -> None:
    people = People(box, tmp_path)
    people.add("anna")
    people.add("bert")
    box.ok("policy", "set", "changes.policy.people", "2")
    for words in (
        ("policy", "set", "changes.policy.people", "1"),
        ("settings", "set", "on-fallback", "degrade"),
    ):
        box.fails("approval.needed", *words, *people.acting("anna"))
    requests = box.ok("approvals", "list")["requests"]
    loosen = next(r["id"] for r in requests if "changes.policy.people 2 -> 1" in r["subject"])
    box.ok("approvals", "approve", loosen, *people.acting("bert"))
    box.fails("approval.needed", "settings", "set", "on-fallback", "degrade", *people.acting("anna"))
    box.ok("policy", "set", "changes.policy.people", "1", *people.acting("anna"))
    assert box.ok("policy", "show")["policy"]["changes"]["policy"]["people"] == 1


def test_expired_metadata_is_for_those_whom_the_policy_lets(
    box: Cli, medium: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    people = People(box, tmp_path)
    people.add("anna")
    people.add("bert")
    box.ok("policy", "set", "changes.expired.roles", "[]")
    monkeypatch.setattr(updates.trust.clock, "datetime", Later)
    assert (
        "nobody may" in box.fails("policy.role", "update", "import", str(medium), "--allow-expired")["what"]
    )
    box.ok("policy", "set", "changes.expired.roles", '["admin"]')
    box.ok("policy", "set", "changes.expired.people", "2")
    expired = ("update", "import", str(medium), "--allow-expired")
    box.fails("policy.role", *expired)
    assert "expired metadata" in box.fails("approval.needed", *expired, *people.acting("anna"))["what"]
    assert box.ok(*expired, *people.acting("bert"))["applied"]


class Later(datetime):
    """A clock beyond every expiry date."""

    @classmethod
    def now(cls, tz: Any = None) -> "Later":
        return cls(2040, 1, 1, tzinfo=tz or UTC)


def test_a_policy_comes_on_a_medium_and_two_people_stand_behind_it(
    new_box: Callable[[TestDepot], Cli], tmp_path: Path
) -> None:
    depot = TestDepot(tmp_path / "depot")
    file = tmp_path / "site.json"
    file.write_text(json.dumps({"retention": {"versions": 5}, "imports": {"model": {"people": 2}}}))
    depot.cli.ok("depot", "add-policy", str(depot.depot), "site", "1.0.0", "--file", str(file))
    box = new_box(depot)
    medium = depot.publish()
    box.fails("policy.role", "update", "import", str(medium))
    people = People(box, tmp_path)
    people.add("anna")
    people.add("bert")
    box.fails("approval.needed", "update", "import", str(medium), *people.acting("anna"))
    report = box.ok("update", "import", str(medium), *people.acting("bert"))
    assert "retention.versions 3 -> 5" in report["applied"][0]["evidence"]
    shown = box.ok("policy", "show")["policy"]
    assert (shown["retention"]["versions"], shown["imports"]["model"]["people"]) == (5, 2)
    box.ok("audit", "verify")


def test_a_policy_that_is_not_understood_is_not_packed_and_one_that_locks_out_is_not_taken(
    new_box: Callable[[TestDepot], Cli], tmp_path: Path
) -> None:
    depot = TestDepot(tmp_path / "depot")
    file = tmp_path / "site.json"
    words = ("depot", "add-policy", str(depot.depot), "site", "1.0.0", "--file", str(file))
    file.write_text(json.dumps({"imports": {"model": {"persons": 2}}}))
    depot.cli.fails("policy.value", *words)
    file.write_text(json.dumps({"imports": {"model": {"people": 5}}}))
    depot.cli.ok(*words)
    box = new_box(depot)
    people = People(box, tmp_path)
    people.add("anna")
    box.ok("policy", "set", "imports.policy.people", "1")
    box.fails("policy.locks-out", "update", "import", str(depot.publish()), *people.acting("anna"))
    assert box.ok("policy", "show")["policy"]["imports"]["model"]["people"] == 1


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("retention.versions", "-1"),
        ("retention.versions", "many"),
        ("soak.error-rate", "2"),
        ("imports.model.people", "0"),
        ("imports.model.roles", '["king"]'),
        ("floors.model.linear", "newest"),
        ("fallback", "perhaps"),
    ],
)
def test_values_that_make_no_sense_are_refused(path: str, text: str) -> None:
    with pytest.raises(ApplianceError) as raised:
        with_value(Policy(), path, text)
    assert raised.value.code == "policy.value"


@pytest.mark.parametrize(
    "path", ["colour", "retention.colour", "retention", "floors.models.x", "retention.versions.x"]
)
def test_paths_that_lead_nowhere_are_refused(path: str) -> None:
    with pytest.raises(ApplianceError) as raised:
        with_value(Policy(), path, "1")
    assert raised.value.code in {"policy.unknown", "policy.value"}


def test_every_setting_stands_in_the_policy() -> None:
    for setting in SETTINGS.values():
        assert value_at(Policy(), setting.path) is not None
        assert with_value(Policy(), setting.path, setting.default) == Policy()


def test_settings_of_an_older_release_become_rules(tmp_path: Path) -> None:
    path = tmp_path / "appliance.sqlite3"
    older = Tables(path, strict=True)
    schema.migration.apply(older, stop_before="policy")
    older.conn.execute("INSERT INTO settings VALUES ('on-fallback', '\"degrade\"')")
    older.conn.commit()
    older.close()
    with Database.open(path) as opened:
        assert read(opened) == with_value(Policy(), "fallback", "degrade")
        assert opened.query("SELECT 1 FROM settings WHERE key = 'on-fallback'") == []


def test_a_stored_policy_that_is_not_understood_forbids_rather_than_allows(box: Cli, medium: Path) -> None:
    with closing(sqlite3.connect(box.state / "appliance.sqlite3")) as database, database:
        database.execute("INSERT INTO settings VALUES ('policy', '{\"imports\": {\"model\": 7}}')")
    box.fails("policy.unreadable", "update", "import", str(medium))
    assert box.ok("models")["models"] == []
    assert box.ok("status")["daemon_running"] is False


def test_a_policy_survives_being_written_and_names_with_dots_are_names() -> None:
    policy = with_value(with_value(Policy(), "floors.model.a.b", "1.2"), "imports.runtime.auto", "true")
    assert parse(msgspec.json.encode(policy)) == policy
    assert flat(policy)["floors.model.a.b"] == "1.2"
    assert [d.path for d in differences(Policy(), policy)] == ["imports.runtime.auto", "floors.model.a.b"]
