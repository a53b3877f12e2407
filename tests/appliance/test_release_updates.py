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
from tests.appliance.service_manager import service

pytestmark = pytest.mark.timeout(400)

ROW = [1.0, 2.0, 3.0, 4.0]
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


@pytest.fixture
def serving(managed: Cli, own_depot: TestDepot) -> Cli:
    """The managed box with `linear` deployed; no daemon runs yet."""
    own_depot.add_linear()
    managed.ok("update", "import", str(own_depot.publish()))
    managed.ok("deploy", "linear", "--budget", "1")
    return managed


def test_a_release_that_does_not_come_up_gives_way_database_and_all_and_the_next_one_takes_over(
    serving: Cli, own_depot: TestDepot, wheels: Wheels
) -> None:
    box = serving
    with service(box.state) as unit:
        unit.until_ready()
        answer = infer(box)
        assert release_of(box) == ("1.0", "1.0", False)

        medium = update_to(own_depot, wheels("1.1", start="dies", migrates=True))
        (applied,) = box.ok("update", "import", medium)["applied"]
        assert (applied["kind"], applied["name"], applied["version"]) == ("software", "appliance", "1.1")
        assert "1 deployments" in applied["evidence"]
        assert unit.until_ended() == RESTART
        unit.until_ready()
        assert unit.ended[1] not in {0, RESTART}
        assert release_of(box) == ("1.0", "1.0", False)
        assert infer(box) == answer
        (undone,) = logged(box.state, "release.undone")
        assert (undone["outcome"], undone["subject"]) == ("failed", "appliance 1.1")
        details = undone["details"]
        assert "this release cannot serve" in details["reason"]
        assert details["database_set_aside"] == "appliance.sqlite3.undone-1.1"
        assert details["entries_set_aside"] > 0
        assert beside_the_database(box) == ["undone-1.1"]
        box.ok("audit", "verify")
        assert not (box.state / "releases" / "1.1").exists()
        (offered,) = [a for a in box.ok("update", "inspect", medium)["artifacts"] if a["kind"] == "software"]
        assert offered["change"] == "new"

        box.ok("update", "import", update_to(own_depot, wheels("1.2", migrates=True)))
        unit.until_ready()
        assert release_of(box) == ("1.2", "1.2", False)
        assert infer(box) == answer
        (confirmed,) = logged(box.state, "release.confirm")
        assert (confirmed["subject"], confirmed["details"]["from"]) == ("appliance 1.2", "1.0")
        assert beside_the_database(box) == ["undone-1.1"]
        refused = box.fails("release.no-way-back", "release", "undo")
        assert "cannot read the database as it is now" in refused["what"]
        box.ok("audit", "verify")


def test_whatever_keeps_a_release_from_confirming_itself_the_one_before_comes_back(
    serving: Cli, own_depot: TestDepot, wheels: Wheels
) -> None:
    reasons = {
        "killed": "before it had confirmed itself",
        "hangs": "before it had confirmed itself",
        "unfit": "linear does not serve any more",
    }
    with service(serving.state) as unit:
        unit.until_ready()
        for number, (start, said) in enumerate(reasons.items()):
            serving.ok("update", "import", update_to(own_depot, wheels(f"2.{number}", start=start)))
            unit.until_ready(
                end_at="hanging" if start == "hangs" else "",
                before_end=lambda: serving.fails("release.on-trial", "undeploy", "linear"),
            )
            assert release_of(serving) == ("1.0", "1.0", False)
            (undone,) = logged(serving.state, "release.undone", f"appliance 2.{number}")
            assert said in undone["details"]["reason"]
            infer(serving)


def test_a_power_cut_after_the_transaction_loses_nothing_and_the_way_back_by_hand_is_a_trial_too(
    managed: Cli, own_depot: TestDepot, wheels: Wheels
) -> None:
    medium = update_to(own_depot, wheels("1.4"))
    managed.fails("release.no-way-back", "release", "undo")
    assert "error" not in own_command(managed, "update", "import", medium)  # no daemon runs
    releases = managed.state / "releases"
    assert str((releases / "current").readlink()) == "1.4"
    (releases / "trial.json").unlink()  # as if cut before it was there
    launch.link(releases, "1.0")
    with service(managed.state) as unit:
        unit.until_ready()
        assert unit.ended == [RESTART]
        assert release_of(managed) == ("1.4", "1.4", False)
        assert managed.ok("release", "undo") == {"version": "1.4", "back_to": "1.0", "restarting": True}
        unit.until_ready()
        assert release_of(managed) == ("1.0", "1.0", False)
        confirmed = [entry["subject"] for entry in logged(managed.state, "release.confirm")]
        assert confirmed == ["appliance 1.4", "appliance 1.0"]
        assert [e["outcome"] for e in logged(managed.state, "release.undo", "appliance 1.4")] == ["ok"]
        (offered,) = managed.ok("update", "inspect", medium)["artifacts"]
        assert offered["change"] == "new"
    assert unit.ended[-1] == 0


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
