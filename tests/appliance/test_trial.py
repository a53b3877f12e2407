"""A trial that cannot be begun leaves the release that runs, and nothing of the other."""

from pathlib import Path

import pytest

from appliance.errors import ApplianceError
from appliance.releases import launch
from appliance.releases.folder import Release, Releases
from appliance.releases.trial import Trial, abandon, begin
from appliance.status import DeploymentState, DeploymentStatus, Traffic

NO_TRAFFIC = Traffic(0.0, 0, None, None, (0.0,) * 60)


@pytest.fixture
def releases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Releases:
    """1.0 runs; 2.0 is whole beside it, and 3.0 is not."""
    made = Releases(tmp_path)
    for version in ("1.0", "2.0", "3.0"):
        (tmp_path / version / "bin").mkdir(parents=True)
    for version in ("1.0", "2.0"):
        made.describe(Release(version, 7))
    launch.link(tmp_path, "1.0")
    monkeypatch.setattr("sys.prefix", str(tmp_path / "1.0"))
    return made


def status(name: str, state: DeploymentState, detail: str = "") -> DeploymentStatus:
    return DeploymentStatus(name, "1", "tensor", state, detail, "", None, None, 0, None, NO_TRAFFIC)


def test_what_is_whole_is_a_release_and_the_rest_is_removed(releases: Releases) -> None:
    assert (releases.running, releases.current, releases.versions) == ("1.0", "1.0", ("1.0", "2.0"))
    releases.remove_all_but(*releases.versions)
    assert sorted(path.name for path in releases.root.iterdir()) == ["1.0", "2.0", "current"]
    releases.remove("2.0")
    assert releases.versions == ("1.0",)


def test_a_trial_that_could_not_be_begun_leaves_nothing(
    releases: Releases, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(launch, "link", full)
        with pytest.raises(OSError, match="No space"):
            begin(releases, "2.0", ())
    assert Trial.of(releases) is not None
    abandon(releases, "2.0")
    assert Trial.of(releases) is None
    assert (releases.current, releases.versions) == ("1.0", ("1.0",))


def test_a_release_is_fit_when_all_that_served_before_serves(releases: Releases) -> None:
    begin(releases, "2.0", ["a", "b"])
    trial = Trial.of(releases)
    assert trial is not None
    assert (trial.to, trial.before, trial.serving) == ("2.0", "1.0", ("a", "b"))
    assert not trial.is_running
    serving, degraded = DeploymentState.SERVING, DeploymentState.DEGRADED
    trial.check([status("a", serving), status("b", degraded), status("c", DeploymentState.FAILED)])
    with pytest.raises(ApplianceError, match="b does not serve any more") as unfit:
        trial.check([status("a", serving), status("b", DeploymentState.FAILED, detail="no memory")])
    assert "b: no memory" in unfit.value.what
    with pytest.raises(ApplianceError, match="b does not serve any more"):
        trial.check([status("a", serving)])
