"""The command line: exit codes, errors a person can act on, JSON a program can read."""

import json
import os
import sqlite3
import subprocess
from pathlib import Path

import pytest

from appliance.cli.main import main
from appliance.results import SCHEMA
from tests.appliance.cli import EXECUTABLE, Cli
from tests.appliance.depots import TestDepot


def test_a_missing_state_says_what_to_do_and_makes_nothing(tmp_path: Path) -> None:
    cli = Cli(tmp_path / "nowhere")
    error = cli.fails("state.missing", "status")
    assert "appliance init" in error["remedy"]
    assert not cli.state.exists()
    assert cli.run("status").exit_code == 3


def test_errors_read_as_what_happened_what_was_kept_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["status", "--state-dir", str(tmp_path / "nowhere")])
    assert code == 3
    printed = capsys.readouterr()
    assert printed.out == ""
    happened, kept, remedy = " ".join(printed.err.split()).partition("Nothing was made.")
    assert "[state.missing]" in happened
    assert kept
    assert "appliance init" in remedy


def test_a_box_is_not_provisioned_twice(box: Cli, depot: TestDepot) -> None:
    before = (box.state / "appliance.sqlite3").read_bytes()
    box.fails("state.exists", "init", "--trust", str(depot.root))
    assert (box.state / "appliance.sqlite3").read_bytes() == before


def test_a_trust_root_that_is_none_makes_no_box(tmp_path: Path) -> None:
    root = tmp_path / "root.json"
    root.write_text("{}")
    cli = Cli(tmp_path / "box")
    ran = cli.run("init", "--trust", str(root))
    assert ran.error is not None
    assert not (cli.state / "appliance.sqlite3").exists()
    cli.fails("trust.root-unreadable", "init", "--trust", str(tmp_path / "missing.json"))


def test_the_state_folder_comes_from_the_flag_or_the_environment(box: Cli) -> None:
    environment = {**os.environ, "APPLIANCE_STATE": str(box.state)}
    ran = subprocess.run(
        [str(EXECUTABLE), "status", "--json"], env=environment, capture_output=True, check=False
    )
    assert json.loads(ran.stdout)["result"]["box"] == "test-box"


def test_json_has_one_schema_for_results_and_errors(box: Cli, capsys: pytest.CaptureFixture[str]) -> None:
    main(["models", "--json", "--state-dir", str(box.state)])
    assert json.loads(capsys.readouterr().out) == {
        "schema": SCHEMA,
        "command": "models",
        "result": {"models": [], "retired": []},
    }
    main(["deploy", "nothing", "--json", "--state-dir", str(box.state)])
    answer = json.loads(capsys.readouterr().out)
    assert set(answer["error"]) == {"code", "what", "kept", "remedy"}
    assert answer["error"]["code"] == "artifact.unknown"


def test_the_first_administrators_password_is_shown_once_and_kept_as_a_hash(
    tmp_path: Path, depot: TestDepot
) -> None:
    cli = Cli(tmp_path / "box")
    made = cli.ok("init", "--trust", str(depot.root), "--admin", "anna")
    stored = b"".join(file.read_bytes() for file in cli.state.rglob("*") if file.is_file())
    assert made["administrator"] == "anna"
    assert made["password"].encode() not in stored
    assert b"argon2id" in stored
    assert (cli.state / "keys" / "device.pem").stat().st_mode & 0o077 == 0


def test_plan_shows_every_candidate_with_its_reason(serving_box: Cli) -> None:
    plan = serving_box.ok("plan", "linear")["plan"]
    assert plan["results"][0]["verdict"] == "chosen"
    assert {result["engine"] for result in plan["results"]} == {"onnxruntime", "openvino", "llamacpp"}
    assert all(result["reason"] for result in plan["results"])
    assert serving_box.ok("deploy", "linear")["reused"] is True
    assert serving_box.ok("deploy", "linear", "--budget", "2", "--measure-again")["reused"] is False


def test_an_objective_that_is_chosen_here_is_measured_for_and_kept_until_another_is_chosen(
    serving_box: Cli,
) -> None:
    quick = ("deploy", "linear", "--budget", "2")
    assert serving_box.ok("plan", "linear")["plan"]["objective"] == "latency"
    chosen = serving_box.ok(*quick, "--objective", "memory")
    assert (chosen["reused"], chosen["plan"]["objective"]) == (False, "memory")
    sizes = [r["measurement"]["peak_memory"] for r in chosen["plan"]["results"] if r["measurement"]]
    assert sizes == sorted(sizes)
    assert chosen["plan"]["results"][0]["code"] == "plan.smallest"
    kept = serving_box.ok(*quick)
    assert (kept["reused"], kept["plan"]["objective"]) == (True, "memory")
    again = serving_box.ok(*quick, "--objective", "latency")
    assert (again["reused"], again["plan"]["objective"]) == (False, "latency")


def test_a_plan_answers_how_it_would_run_without_an_engine(
    serving_box: Cli, capsys: pytest.CaptureFixture[str]
) -> None:
    logged = len(serving_box.audit())
    report = serving_box.ok("plan", "linear", "--what-if", "without=intel")
    answer = report["what_if"]["answer"]
    assert answer["excluded"]
    assert {result["engine"] for result in answer["results"]} == {"onnxruntime", "llamacpp"}
    assert answer["results"][0]["verdict"] == "chosen"
    assert report["what_if"]["limits_kept"] is None
    assert report["plan"] == serving_box.ok("plan", "linear")["plan"]
    assert len(serving_box.audit()) == logged

    capsys.readouterr()
    words = ["plan", "linear", "--what-if", "without=onnxruntime, openvino"]
    assert main([*words, "--state-dir", str(serving_box.state)]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "linear 1.0.0 without onnxruntime and openvino" in told
    assert "it would not run" in told


@pytest.mark.parametrize("question", ["nvidia", "with=nvidia", "without=", "without=matrox"])
def test_a_what_if_that_names_nothing_known_is_refused(serving_box: Cli, question: str) -> None:
    error = serving_box.fails("plan.what-if-unknown", "plan", "linear", "--what-if", question)
    assert "nvidia" in error["remedy"]


def test_a_depot_takes_thresholds_and_key_files(tmp_path: Path) -> None:
    cli = Cli(tmp_path / "no-box")
    first = cli.ok("depot", "init", str(tmp_path / "first"), "--threshold", "root=2")
    assert {role["role"]: (role["threshold"], len(role["key_ids"])) for role in first["roles"]}["root"] == (
        2,
        2,
    )
    keys = sorted(Path(first["keys"]).glob("*targets*"))
    second = cli.ok("depot", "init", str(tmp_path / "second"), "--key", f"targets={keys[0]}")
    ids = [{role["role"]: role["key_ids"] for role in made["roles"]}["targets"] for made in (first, second)]
    assert ids[0] == ids[1]
    cli.fails("depot.unknown-role", "depot", "init", str(tmp_path / "third"), "--threshold", "boss=2")


def test_doctor_says_what_is_here_and_what_is_missing(tmp_path: Path) -> None:
    report = Cli(tmp_path).ok("doctor")
    assert report["hardware"]["cpu"]["logical"] >= 1
    packs = {pack["name"]: pack for pack in report["packs"]}
    assert packs["openvino"]["version"]
    assert packs["onnxruntime-cuda"]["version"] is None
    assert packs["onnxruntime-cuda"]["needs"]
    cards = [card["name"] for card in report["hardware"]["accelerators"] if card["vendor"] == "nvidia"]
    assert (
        any(card in packs["onnxruntime-cuda"]["here"] for card in cards)
        or "no NVIDIA GPU" in packs["onnxruntime-cuda"]["here"]
    )


def test_an_exported_log_verifies_without_the_appliance(serving_box: Cli, tmp_path: Path) -> None:
    exported = serving_box.ok("audit", "export", str(tmp_path / "log.jsonl"))
    assert exported["entries"] == len(serving_box.audit())
    lines = (tmp_path / "log.jsonl").read_text().splitlines()
    assert len(lines) == exported["entries"] + 2


def test_an_edited_log_is_found(serving_box: Cli) -> None:
    serving_box.ok("audit", "verify")
    with sqlite3.connect(serving_box.state / "appliance.sqlite3") as database:
        database.execute("DROP TRIGGER audit_entries_UPDATE_refused")
        database.execute(
            "UPDATE audit_entries SET canonical = CAST(replace(CAST(canonical AS TEXT), 'linear', 'lineal') AS BLOB) WHERE idx = 1"
        )
    database.close()
    error = serving_box.fails("audit.tampered", "audit", "verify")
    assert "1" in error["what"]
    assert serving_box.run("audit", "verify").exit_code == 11


def test_a_log_that_cannot_be_read_does_not_take_the_status_down(serving_box: Cli) -> None:
    with sqlite3.connect(serving_box.state / "appliance.sqlite3") as database:
        database.execute("DROP TRIGGER audit_entries_UPDATE_refused")
        database.execute("UPDATE audit_entries SET canonical = x'00' WHERE idx = 1")
    database.close()
    report = serving_box.ok("status")
    assert "audit.unreadable-entry" in {problem["code"] for problem in report["problems"]}
