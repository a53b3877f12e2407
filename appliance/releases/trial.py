"""A release on trial: begun by the one before it, confirmed by itself, taken back by the one before it.

What is written to `trial.json` decides; the audit log and the registry follow it. `appliance.releases.launch` says what
is in that file, and starts the one release or the other by it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appliance.actor import APPLIANCE
from appliance.audit.entry import Outcome
from appliance.box import Box, timestamp
from appliance.errors import ApplianceError
from appliance.registry import Artifact
from appliance.releases import launch
from appliance.releases.folder import Releases
from appliance.releases.launch import CONFIRMED, FAILED, TRIAL, TRYING
from appliance.state import StateFolder
from appliance.status import DeploymentState, DeploymentStatus
from appliance.store import migrating, settings
from appliance.store.database import SCHEMA_VERSION
from appliance.store.lock import StateLock
from updates.digest import Digest
from updates.durable import sync_folder
from updates.names import Kind, version_order

SERVING = frozenset({DeploymentState.SERVING, DeploymentState.DEGRADED})
CONFIRM = "release.confirm"
UNDONE = "release.undone"
SETTLED = "release.settled"
"""A setting: the trial whose end was logged last."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One that goes on."""

    releases: Releases
    state: str
    before: str
    """The release that it would be taken back to."""
    to: str
    reason: str
    """Why it failed, once it has."""
    serving: tuple[str, ...]
    """Deployments that served before it."""
    began: str
    """When; tells this trial from others of the same release."""

    @classmethod
    def of(cls, releases: Releases) -> "Trial | None":
        found = launch.read(releases.root)
        if found is None:
            return None
        serving = tuple(str(name) for name in found.get("serving", ()))
        return cls(
            releases,
            found["state"],
            found["from"],
            found["to"],
            found["reason"],
            serving,
            str(found.get("began", "")),
        )

    @property
    def is_running(self) -> bool:
        """This process is the release on trial, and has neither failed nor been confirmed."""
        return self.state == TRYING and self.releases.running == self.to

    def check(self, statuses: Sequence[DeploymentStatus]) -> None:
        """Raises ApplianceError `release.unfit` where a deployment that served before does not serve now."""
        now = {status.name: status for status in statuses}
        lost = [name for name in self.serving if name not in now or now[name].state not in SERVING]
        if lost:
            told = "; ".join(f"{name}: {now[name].detail or now[name].state}" for name in lost if name in now)
            raise ApplianceError(
                "release.unfit",
                f"Under release {self.to}, {', '.join(lost)} does not serve any more. {told}".strip(),
                kept=f"Release {self.before} takes over again.",
            )

    def confirm(self, box: Box) -> None:
        """It is healthy. From the first line on it stays, whatever happens to the others."""
        self._write(CONFIRMED, "")
        self.finish(box)

    def finish(self, box: Box) -> None:
        """What follows from a confirmation; after a power cut, what is left of it."""
        if not self._is_logged(box):
            with box.change(APPLIANCE, CONFIRM) as change:
                for old in _releases(box):
                    if old.version not in (self.to, self.before):
                        box.registry.retire(change.tx, old.digest, change.time)
                settings.write(change.tx, SETTLED, self.began)
                change.note(
                    f"appliance {self.to}", details={"from": self.before, "deployments": len(self.serving)}
                )
        migrating.forget(box.state.database)
        self.releases.put_launcher()
        self.releases.remove_all_but(self.to, self.before)
        self._end()

    def give_up(self, reason: str) -> None:
        """It is not healthy, and says why; whoever is started next is the release before it."""
        self._write(FAILED, reason)

    def take_back(self, box: Box, aside: Path | None) -> None:
        """It has failed, and this is the release before it: log it, and leave nothing of the other but evidence."""
        if not self._is_logged(box):
            artifact = next((one for one in _releases(box) if one.version == self.to), None)
            with box.change(APPLIANCE, UNDONE) as change:
                if artifact is not None:
                    box.registry.retire(change.tx, artifact.digest, change.time)
                settings.write(change.tx, SETTLED, self.began)
                change.note(
                    f"appliance {self.to}",
                    digest=artifact.digest if artifact else "",
                    outcome=Outcome.FAILED,
                    cause=UNDONE,
                    details={"reason": self.reason, "back_to": self.before} | _set_aside(box, aside),
                )
        self.releases.remove(self.to)
        self._end()

    def _is_logged(self, box: Box) -> bool:
        return bool(settings.read(box.database, SETTLED, "") == self.began)

    def _write(self, state: str, reason: str) -> None:
        found: dict[str, Any] = launch.read(self.releases.root) or {}
        launch.write(self.releases.root, {**found, "state": state, "reason": reason})

    def _end(self) -> None:
        (self.releases.root / TRIAL).unlink(missing_ok=True)
        sync_folder(self.releases.root)


def refuse_while_on_trial(releases: Releases) -> None:
    """Raises ApplianceError `release.on-trial`: what is changed now might be lost with the database of the new release."""
    trial = Trial.of(releases)
    if trial is not None and trial.state != CONFIRMED:
        raise ApplianceError(
            "release.on-trial",
            f"Release {trial.to} is on trial; what is changed now would be lost where {trial.before} comes back.",
            kept="Nothing was changed.",
            remedy="Try again when the daemon is ready under one of them, within minutes: `appliance release status`.",
        )


def begin(releases: Releases, to: str, serving: Sequence[str]) -> None:
    """Put a whole release on trial in the place of the running one; the next start is its own."""
    trial = {
        "state": TRYING,
        "from": releases.running,
        "to": to,
        "reason": "",
        "boots": list[str](),
        "serving": [*serving],
        "began": timestamp(),
    }
    launch.write(releases.root, trial)
    launch.link(releases.root, to)


def abandon(releases: Releases, to: str) -> None:
    """Leave nothing of a trial that could not be begun, and nothing of its release."""
    trial, running = Trial.of(releases), releases.running
    if trial is not None and trial.to == to and running is not None:
        trial._end()
        launch.link(releases.root, running)
    releases.remove(to)


def restore_database(state: StateFolder) -> Path | None:
    """Where a release that failed has migrated the database, take the kept one back; where the other lies now.

    Raises ApplianceError `database.no-way-back`.
    """
    trial = Trial.of(Releases(state.releases))
    if trial is None or trial.state != FAILED or trial.releases.running != trial.before:
        return None
    if migrating.schema_of(state.database) <= SCHEMA_VERSION:
        return next(iter(state.root.glob(f"{state.database.name}.undone-{trial.to}")), None)
    with StateLock.acquire(state.root):
        return migrating.restore(state.database, SCHEMA_VERSION, trial.to)


def settle(box: Box, aside: Path | None) -> Trial | None:
    """At the start of the daemon: finish what a trial left to do; the trial that this process is on, if any."""
    releases = Releases(box.state.releases)
    trial = Trial.of(releases)
    if trial is not None and trial.state == CONFIRMED:
        trial.finish(box)
    elif trial is not None and trial.state == FAILED and releases.running == trial.before:
        trial.take_back(box, aside)
    elif trial is None and releases.running is not None:
        releases.remove_all_but(*releases.versions)
    return trial if trial is not None and trial.is_running else None


def pending(box: Box) -> str | None:
    """The release that was activated and not gone over to, since the power went in between."""
    releases = Releases(box.state.releases)
    running = releases.running
    if running is None or Trial.of(releases) is not None:
        return None
    newer = [one.version for one in _releases(box) if version_order(one.version) > version_order(running)]
    return next((version for version in reversed(newer) if releases.release(version)), None)


def _releases(box: Box) -> list[Artifact]:
    return [one for one in box.registry.artifacts() if one.kind == Kind.SOFTWARE]


def _set_aside(box: Box, aside: Path | None) -> dict[str, Any]:
    """What the other release had written is no part of this log; here is what it was."""
    if aside is None:
        return {}
    entries = migrating.entries_in(aside) - box.audit.size()
    return {
        "database_set_aside": aside.name,
        "database_sha256": Digest.of(aside.read_bytes()).hex,
        "entries_set_aside": entries,
    }
