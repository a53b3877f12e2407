"""The appliance replaces itself by an update: real releases, a real daemon, and a stand-in for the service manager.

The releases are wheels of this project under other versions, built once a session.
"""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from appliance.releases import launch
from appliance.service_manager import RESTART
from tests.appliance.cli import Cli
from tests.appliance.depots import TestDepot
from tests.appliance.logged import logged
from tests.appliance.release_wheels import build_release
from tests.appliance.service_manager import ServiceManager, service

pytestmark = pytest.mark.timeout(400)

ROW = [1.0, 2.0, 3.0, 4.0]
VERSIONS = {"killed": "2.1", "hangs": "2.2", "unfit": "2.3"}
Wheels = Callable[..., Path]


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Wheels:
    """Builds a release, each once."""
    built: dict[str, Path] = {}

    def build(version: str, **differs: Any) -> Path:
        if version not in built:
            built[version] = build_release(tmp_path_factory.mktemp("release"), version, **differs)
        return built[version]

    return build


@pytest.fixture
def own_depot(tmp_path: Path) -> TestDepot:
    return TestDepot(tmp_path / "depot")


@pytest.fixture
def managed(own_depot: TestDepot, new_box: Callable[[TestDepot], Cli], wheels: Wheels) -> Cli:
    """A box that runs from its folder of releases, as 1.0."""
    box = new_box(own_depot)
    box.ok("release", "install", "--wheels", str(wheels("1.0")))
    return box


def update_to(depot: TestDepot, wheels: Path) -> str:
    depot.cli.ok("depot", "add-software", str(depot.depot), "--wheels", str(wheels))
    return str(depot.publish())


def release_of(box: Cli) -> tuple[str, str, bool]:
    report = box.ok("release", "status")
    return report["version"], report["current"], report["trial"] is not None


def beside_the_database(box: Cli) -> list[str]:
    found = (path.name.removeprefix("appliance.sqlite3.") for path in box.state.glob("appliance.sqlite3.*"))
    return sorted(found)


def own_command(box: Cli, *words: str) -> Any:
    """A command of the release that is current, as a process of its own."""
    program = box.state / "releases" / "current" / "bin" / "appliance"
    command = [str(program), *words, "--state-dir", str(box.state), "--json"]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=False).stdout)


def infer(box: Cli) -> Any:
    return box.ok("infer", "linear", "--input", f"x={[ROW]}")["outputs"][0]["data"]


def test_a_release_takes_over_with_its_database_and_one_that_does_not_come_up_gives_way(
    managed: Cli, own_depot: TestDepot, wheels: Wheels
) -> None:
    box = managed
    own_depot.add_linear()
    box.ok("update", "import", str(own_depot.publish()))
    box.ok("deploy", "linear", "--budget", "1")
    with service(box.state) as unit:
        unit.until_ready()
        answer = infer(box)
        assert release_of(box) == ("1.0", "1.0", False)
        report = box.ok("update", "import", update_to(own_depot, wheels("1.1", migrates=True)))
        (applied,) = report["applied"]
        assert (applied["kind"], applied["name"], applied["version"]) == ("software", "appliance", "1.1")
        assert "1 deployments" in applied["evidence"]
        assert unit.until_ended() == RESTART
        unit.until_ready()
        assert release_of(box)[0] == "1.1"
        assert infer(box) == answer
        (confirmed,) = logged(box.state, "release.confirm")
        assert (confirmed["subject"], confirmed["details"]["from"]) == ("appliance 1.1", "1.0")
        assert beside_the_database(box) == []

        medium = update_to(own_depot, wheels("1.2", start="dies", migrates=True))
        box.ok("update", "import", medium)
        unit.until_ready()
        assert unit.ended[1] == RESTART
        assert unit.ended[2] not in {0, RESTART}
        assert release_of(box) == ("1.1", "1.1", False)
        assert infer(box) == answer
        (undone,) = logged(box.state, "release.undone")
        assert (undone["outcome"], undone["subject"]) == ("failed", "appliance 1.2")
        assert "this release cannot serve" in undone["details"]["reason"]
        box.ok("audit", "verify")
        assert not (box.state / "releases" / "1.2").exists()
        (offered,) = [a for a in box.ok("update", "inspect", medium)["artifacts"] if a["version"] == "1.2"]
        assert offered["change"] == "newer"
        refused = box.fails("release.no-way-back", "release", "undo")
        assert "cannot read the database as it is now" in refused["what"]


def test_a_database_that_the_failed_release_migrated_is_put_back_and_kept_for_the_auditor(
    managed: Cli, own_depot: TestDepot, wheels: Wheels
) -> None:
    medium = update_to(own_depot, wheels("1.3", start="dies", migrates=True))
    with service(managed.state) as unit:
        unit.until_ready()
        managed.ok("update", "import", medium)
        unit.until_ready()
        (undone,) = logged(managed.state, "release.undone")
        details = undone["details"]
        assert details["database_set_aside"] == "appliance.sqlite3.undone-1.3"
        assert details["entries_set_aside"] > 0
        assert beside_the_database(managed) == ["undone-1.3"]
        managed.ok("audit", "verify")


@pytest.mark.parametrize(
    ("start", "said"),
    [
        ("killed", "before it had confirmed itself"),
        ("hangs", "before it had confirmed itself"),
        ("unfit", "linear does not serve any more"),
    ],
)
def test_whatever_keeps_a_release_from_confirming_itself_the_one_before_comes_back(
    start: str, said: str, managed: Cli, own_depot: TestDepot, wheels: Wheels
) -> None:
    own_depot.add_linear()
    managed.ok("update", "import", str(own_depot.publish()))
    managed.ok("deploy", "linear", "--budget", "1")
    medium = update_to(own_depot, wheels(VERSIONS[start], start=start))
    with service(managed.state) as unit:
        unit.until_ready()
        managed.ok("update", "import", medium)
        unit.until_ready(end_at="hanging" if start == "hangs" else "")
        assert release_of(managed) == ("1.0", "1.0", False)
        (undone,) = logged(managed.state, "release.undone")
        assert said in undone["details"]["reason"]
        infer(managed)


def test_the_way_back_by_hand_is_a_trial_too(managed: Cli, own_depot: TestDepot, wheels: Wheels) -> None:
    medium = update_to(own_depot, wheels("1.4"))
    with service(managed.state) as unit:
        unit.until_ready()
        managed.fails("release.no-way-back", "release", "undo")
        managed.ok("update", "import", medium)
        unit.until_ready()
        assert release_of(managed) == ("1.4", "1.4", False)
        assert managed.ok("release", "undo") == {"version": "1.4", "back_to": "1.0", "restarting": True}
        unit.until_ready()
        assert release_of(managed) == ("1.0", "1.0", False)
        assert [entry["subject"] for entry in logged(managed.state, "release.undo")] == ["appliance 1.4"]
        assert [entry["subject"] for entry in logged(managed.state, "release.confirm")][-1] == "appliance 1.0"
        (offered,) = managed.ok("update", "inspect", medium)["artifacts"]
        assert offered["change"] == "new"


def test_a_power_cut_after_the_transaction_loses_nothing(
    managed: Cli, own_depot: TestDepot, wheels: Wheels
) -> None:
    medium = update_to(own_depot, wheels("1.4"))
    assert "error" not in own_command(managed, "update", "import", medium)  # no daemon runs
    releases = managed.state / "releases"
    assert str((releases / "current").readlink()) == "1.4"
    (releases / "trial.json").unlink()  # as if cut before it was there
    launch.link(releases, "1.0")
    with service(managed.state) as unit:
        unit.until_ready()
        assert unit.ended == [RESTART]
        assert release_of(managed) == ("1.4", "1.4", False)
        assert len(logged(managed.state, "release.confirm")) == 1


def test_what_is_no_release_for_this_box_is_refused_and_leaves_nothing(
    managed: Cli, own_depot: TestDepot, wheels: Wheels
) -> None:
    before = sorted(path.name for path in (managed.state / "releases").iterdir())
    broken = update_to(own_depot, wheels("3.0", imports="\nimport no_such_module\n"))
    answer = own_command(managed, "update", "import", broken)
    assert answer["error"]["code"] == "release.not-made"
    assert "no_such_module" in answer["error"]["what"]
    older = TestDepot(own_depot.folder / "older")
    box = Cli(own_depot.folder / "older-box")
    box.ok("init", "--trust", str(older.root))
    box.ok("release", "install", "--wheels", str(wheels("1.0")))
    answer = own_command(box, "update", "import", update_to(older, wheels("0.9")))
    assert answer["error"]["code"] == "release.downgrade"
    for one in (managed, box):
        assert sorted(path.name for path in (one.state / "releases").iterdir()) == before
        assert release_of(one)[1:] == ("1.0", False)
    box.fails("release.exists", "release", "install", "--wheels", str(wheels("0.9")))


def test_a_box_that_does_not_run_from_a_folder_of_releases_says_so(
    own_depot: TestDepot, new_box: Callable[[TestDepot], Cli], wheels: Wheels
) -> None:
    box = new_box(own_depot)
    refused = box.fails("release.not-managed", "update", "import", update_to(own_depot, wheels("1.0")))
    assert "does not run from a folder of releases" in refused["what"]
    assert box.ok("release", "status")["managed"] is False


def test_the_service_manager_stand_in_sees_a_daemon_end(managed: Cli) -> None:
    with service(managed.state) as unit:
        unit.until_ready()
        assert isinstance(unit, ServiceManager)
        assert managed.ok("status")["box"]
    assert unit.ended == [0]
