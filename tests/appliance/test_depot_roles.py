"""People with keys of their own, by the command line: who may vouch for what, and a change signed in turns."""

from pathlib import Path

import pytest

from appliance.cli.main import main
from tests.appliance.cli import Cli
from tests.appliance.depots import TestDepot


@pytest.fixture
def people(tmp_path: Path) -> Path:
    cli = Cli(tmp_path / "no-box")
    secret = tmp_path / "secret"
    secret.write_text("open sesame\n")
    for name in ("anna", "bert"):
        made = cli.ok("depot", "make-key", str(tmp_path / f"{name}.pem"), "--passphrase-file", str(secret))
        assert made["public"].endswith(f"{name}.pub.pem")
    return tmp_path


@pytest.fixture
def shared(people: Path) -> TestDepot:
    depot = TestDepot(people / "shared")
    keys = [f"--key={people / name}.pub.pem" for name in ("anna", "bert")]
    changed = depot.cli.ok("depot", "delegate", str(depot.depot), "models", *keys, "--threshold", "2")
    assert [(role["role"], role["threshold"], role["days"]) for role in changed["roles"]] == [
        ("models", 2, 1095)
    ]
    depot.add_linear()
    return depot


def test_a_publication_waits_for_two_people_on_other_machines(
    shared: TestDepot, people: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cli, depot, file = shared.cli, str(shared.depot), str(people / "to-sign.json")
    (people / "stick").mkdir()
    cli.fails("depot.signatures-missing", "depot", "publish", depot, str(people / "stick"))
    asked = cli.ok("depot", "request", depot, file)
    assert [who["name"] for who in asked["lacking"][0]["missing"]] in (["anna", "bert"], ["bert", "anna"])
    assert main(["depot", "sign", file]) == 0
    shown = capsys.readouterr().out
    assert "adds models linear 1.0.0" in shown
    assert "models: anna" in shown
    assert "Nothing was signed" in shown
    for name in ("anna", "bert"):
        secret = ("--passphrase-file", str(people / "secret"))
        signed = cli.ok(
            "depot", "sign", file, "--key", f"{people / name}.pem", "--root", str(shared.root), *secret
        )
        assert signed["added"] == [f"models by {name}"]
    assert cli.ok("depot", "collect", depot, file)["lacking"] == []
    cli.ok("depot", "publish", depot, str(people / "stick"))
    report = cli.ok("depot", "status", depot)
    assert report["lacking"] == []
    assert report["unpublished"] == []
    assert {role["role"]: role["version"] for role in report["roles"]}["models"] == 1


def test_the_status_says_who_must_sign_next(
    shared: TestDepot, people: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shared.cli.ok("depot", "request", str(shared.depot), str(people / "f"))
    assert main(["depot", "status", str(shared.depot)]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "models 1 has 0 of 2 signatures; next may sign:" in shown
    assert "not published yet model linear 1.0.0" in shown


def test_roles_are_rotated_revoked_and_given_lifetimes(shared: TestDepot, people: Path) -> None:
    cli, depot = shared.cli, str(shared.depot)
    assert cli.ok("depot", "rotate", depot, "timestamp")["root_version"] == 2
    assert cli.ok("depot", "rotate", depot, "root", f"--key={people / 'anna'}.pub.pem")["proposed_root"] == 3
    cli.fails("depot.threshold", "depot", "revoke", depot, "bert")
    assert cli.ok("depot", "expiry", depot, "--days", "models=30")["roles"][0]["days"] == 30
    cli.fails("depot.expiry", "depot", "expiry", depot, "--days", "models=soon")
    cli.fails("depot.unknown-role", "depot", "delegate", depot, "snapshot")


def test_a_depot_is_made_with_people_for_each_kind(people: Path) -> None:
    cli = Cli(people / "no-box")
    made = cli.ok(
        "depot", "init", str(people / "new"), "--delegate", "policies", "--threshold", "policies=2",
        f"--key=models={people / 'anna'}.pub.pem",
    )  # fmt: skip
    thresholds = {role["role"]: (role["threshold"], len(role["key_ids"])) for role in made["roles"]}
    assert (thresholds["models"], thresholds["policies"]) == ((1, 1), (2, 2))
