"""Going back to an earlier version, and what is kept so that one can."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from appliance.cli.main import main
from appliance.policy import Retention
from appliance.registry import Artifact, ModelConfig
from appliance.retention import surplus
from tests.appliance.cli import Cli
from tests.appliance.depots import TestDepot
from updates.blobs import BlobStore

ROW = [1.0, 2.0, 3.0, 4.0]
VERSIONS = ("1.0.0", "1.1.0", "1.2.0")


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> tuple[TestDepot, dict[str, Path]]:
    """A depot, and a medium after each version was added."""
    depot = TestDepot(tmp_path_factory.mktemp("versions"))
    media = {}
    for version in VERSIONS:
        depot.add_linear(version=version)
        media[version] = depot.publish(version)
    return depot, media


@pytest.fixture
def box(new_box: Callable[[TestDepot], Cli], versions: tuple[TestDepot, dict[str, Path]]) -> Cli:
    """`linear` went from 1.0.0 to 1.1.0 by an update; versions need no soak."""
    depot, media = versions
    made = new_box(depot)
    made.ok("settings", "set", "soak-seconds", "0")
    made.ok("update", "import", str(media["1.0.0"]))
    made.ok("deploy", "linear", "--budget", "2")
    made.ok("update", "import", str(media["1.1.0"]))
    return made


def serves(box: Cli) -> str:
    version: str = box.ok("plan", "linear")["version"]
    return version


def listed(box: Cli) -> dict[str, dict[str, Any]]:
    return {row["version"]: row for row in box.ok("models")["models"]}


def test_a_rollback_serves_the_version_before_by_its_own_plan_and_is_logged(box: Cli) -> None:
    with box.daemon():
        assert box.ok("infer", "linear", "--input", f"x={[ROW]}")["version"] == "1.1.0"
        back = box.ok("update", "rollback", "linear")
        assert (back["was"], back["version"], back["plan_reused"], back["serving"]) == (
            "1.1.0",
            "1.0.0",
            True,
            True,
        )
        assert box.ok("infer", "linear", "--input", f"x={[ROW]}")["version"] == "1.0.0"
    entry = [e for e in box.audit() if e["action"] == "update.rollback"][-1]
    assert (entry["subject"], entry["outcome"]) == ("linear 1.0.0", "ok")
    assert entry["digest"] == f"sha256:{listed(box)['1.0.0']['digest']}"
    box.ok("audit", "verify")


def test_a_rollback_goes_to_any_version_that_is_here_and_back_again(
    box: Cli, versions: tuple[TestDepot, dict[str, Path]]
) -> None:
    box.ok("update", "import", str(versions[1]["1.2.0"]))
    assert box.ok("update", "rollback", "linear", "--to", "1.0.0")["version"] == "1.0.0"
    again = box.ok("update", "rollback", "linear", "--to", "1.2.0")
    assert (again["version"], again["plan_reused"]) == ("1.2.0", True)
    assert box.ok("update", "rollback", "linear")["version"] == "1.0.0", "the one that served before"
    error = box.fails("rollback.no-target", "update", "rollback", "linear")
    assert "1.1.0, 1.2.0" in error["remedy"]
    box.fails("rollback.not-older", "update", "rollback", "linear", "--to", "1.0.0")
    box.fails("artifact.unknown", "update", "rollback", "linear", "--to", "9.0.0")
    assert serves(box) == "1.0.0"


def test_a_rollback_does_not_touch_what_the_box_trusts(
    box: Cli, versions: tuple[TestDepot, dict[str, Path]]
) -> None:
    box.ok("update", "rollback", "linear")
    box.fails("trust.rollback", "update", "import", str(versions[1]["1.0.0"]))
    report = box.ok("update", "import", str(versions[1]["1.2.0"]))
    assert [applied["version"] for applied in report["applied"]] == ["1.2.0"]
    assert serves(box) == "1.2.0"


def test_what_serves_and_what_would_be_rolled_back_to_is_never_removed(
    box: Cli, versions: tuple[TestDepot, dict[str, Path]]
) -> None:
    box.ok("settings", "set", "keep-versions", "0")
    box.ok("update", "import", str(versions[1]["1.2.0"]))
    assert set(listed(box)) == {"1.1.0", "1.2.0"}
    assert "rolled back" in listed(box)["1.1.0"]["kept_for"]
    box.fails("artifact.needed", "models", "remove", "linear", "1.2.0")
    assert box.ok("update", "rollback", "linear")["version"] == "1.1.0"


def test_a_version_that_goes_leaves_its_evidence_and_nothing_else(
    box: Cli, versions: tuple[TestDepot, dict[str, Path]], capsys: pytest.CaptureFixture[str]
) -> None:
    box.ok("update", "import", str(versions[1]["1.2.0"]))
    blobs = BlobStore(box.state / "blobs")
    before = len(blobs.digests())
    removed = box.ok("models", "remove", "linear", "1.0.0")
    assert removed["freed"] > 0
    assert len(blobs.digests()) < before
    (retired,) = box.ok("models")["retired"]
    assert (retired["version"], retired["name"]) == ("1.0.0", "linear")
    assert retired["digest"] in {digest.hex for digest in blobs.digests()}, "audit entries name the manifest"
    entry = [e for e in box.audit() if e["action"] == "models.remove"][-1]
    assert entry["digest"] == f"sha256:{retired['digest']}"
    error = box.fails("artifact.retired", "update", "rollback", "linear", "--to", "1.0.0")
    assert "evidence" in error["kept"]
    box.fails("artifact.retired", "deploy", "linear", "--version", "1.0.0")
    box.ok("audit", "verify")
    capsys.readouterr()
    main(["models", "--state-dir", str(box.state)])
    assert "removed, with their evidence kept: linear 1.0.0" in " ".join(capsys.readouterr().out.split())


def test_a_removed_version_comes_back_with_a_medium_where_nothing_newer_is_here(
    new_box: Callable[[TestDepot], Cli], versions: tuple[TestDepot, dict[str, Path]]
) -> None:
    box = new_box(versions[0])
    medium = str(versions[1]["1.0.0"])
    box.ok("update", "import", medium)
    box.ok("models", "remove", "linear", "1.0.0")
    assert box.ok("models")["models"] == []
    assert box.ok("update", "import", medium)["applied"][0]["version"] == "1.0.0"
    box.ok("deploy", "linear", "--budget", "1")
    assert box.ok("models")["retired"] == []


def test_a_full_disk_names_the_versions_that_may_go(
    box: Cli, versions: tuple[TestDepot, dict[str, Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    box.ok("update", "rollback", "linear")
    monkeypatch.setattr(BlobStore, "free_bytes", lambda _: 1000)
    error = box.fails("disk.full", "update", "import", str(versions[1]["1.2.0"]))
    assert "models remove" in error["remedy"]
    assert "linear 1.1.0" in error["remedy"]
    assert "linear 1.0.0" not in error["remedy"], "it serves"
    assert serves(box) == "1.0.0"
    assert set(listed(box)) == {"1.0.0", "1.1.0"}
    monkeypatch.undo()
    box.ok("update", "import", str(versions[1]["1.2.0"]))


def version(number: str, size: int = 10) -> Artifact:
    return Artifact(number, "model", "m", number, "", "", "onnx", size, ModelConfig(), "", ())


FOUR = tuple(version(number) for number in ("1.9.0", "1.10.0", "1.2.0", "1.11.0"))


def going(needed: set[str], retention: Retention, versions: tuple[Artifact, ...] = FOUR) -> list[str]:
    return [one.version for one in surplus(versions, needed, retention)]


def test_the_oldest_versions_go_first_by_their_numbers() -> None:
    assert going(set(), Retention(versions=2)) == ["1.2.0", "1.9.0"]
    assert going(set(), Retention(versions=9)) == []


def test_what_is_needed_counts_and_stays() -> None:
    assert going({"1.2.0"}, Retention(versions=2)) == ["1.9.0", "1.10.0"]
    assert going({"1.2.0", "1.9.0", "1.10.0"}, Retention(versions=0)) == ["1.11.0"]


def test_a_limit_in_bytes_keeps_the_newest_that_fit() -> None:
    assert going({"1.9.0"}, Retention(versions=9, size=25)) == ["1.2.0", "1.10.0"]
    large = (*FOUR[:3], replace(FOUR[3], size=100))
    assert going({"1.9.0"}, Retention(versions=9, size=50), large) == ["1.2.0", "1.10.0", "1.11.0"]
