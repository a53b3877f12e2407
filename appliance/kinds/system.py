"""System images: handed to the RAUC of the image that runs, which checks, writes and boots them; refused where there is none.

RAUC's client asks its service over D-Bus, which needs no root; what may ask it is a matter of the image's D-Bus policy
(RAUC reference, command line tool and D-Bus API).
"""

import asyncio
import shutil
import subprocess
from pathlib import Path
from typing import Any

import msgspec

from appliance.actor import APPLIANCE
from appliance.audit.entry import Outcome
from appliance.box import Box, Change, timestamp
from appliance.errors import ApplianceError
from appliance.kinds.kind import Arrival, Prepared, record
from appliance.registry import Artifact
from appliance.store import settings
from updates.digest import Digest
from updates.images import BUNDLE_TYPE, image_contents
from updates.transfer import Received

PROGRAM = "rauc"
HANDED_OVER = "image.hand-over"
PENDING = "image.pending"
"""A setting: the digest of the image that RAUC is writing; empty while it writes none."""
ASK_SECONDS = 60.0


class Systems:
    """The kind `system`."""

    def check(self, arrival: Arrival, received: Received) -> Artifact:  # noqa: ARG002 - the machine decides
        contents = image_contents(received.manifest, received.artifact.manifest_file)
        compatible_here()
        return record(received, timestamp(), licence=contents.texts.get("licence", ""), format="rauc")

    async def certify(self, arrival: Arrival, artifact: Artifact) -> Prepared:
        box = arrival.context.box
        bundle = _bundle(box, artifact)
        here = await asyncio.to_thread(compatible_here)
        told = await asyncio.to_thread(_asked, "info", "--output-format=json", str(bundle))
        if told.get("compatible") != here:
            raise _refused(
                "image.incompatible",
                f"{artifact.name} {artifact.version} is for {told.get('compatible')}, and this system is {here}.",
                "Bring the image that was built for this machine.",
            )
        return PreparedImage(
            artifact,
            f"RAUC knows its signature, and it is for {here}; it counts from the next start of the machine",
            arrival,
            bundle,
        )


class PreparedImage(Prepared):
    """An image that RAUC would take."""

    def __init__(self, artifact: Artifact, evidence: str, arrival: Arrival, bundle: Path) -> None:
        super().__init__(artifact, evidence)
        self._arrival = arrival
        self._bundle = bundle

    def activate(self, change: Change) -> None:
        """The images before it have been written long ago; of them the evidence is enough."""
        settings.write(change.tx, PENDING, self.artifact.digest)
        registry = self._arrival.context.box.registry
        for other in registry.artifacts():
            same = (other.kind, other.name) == (self.artifact.kind, self.artifact.name)
            if same and other.digest != self.artifact.digest:
                registry.retire(change.tx, other.digest, change.time)

    async def settle(self) -> None:
        """What RAUC has begun to write and did not finish, it never boots."""
        box, artifact = self._arrival.context.box, self.artifact
        self._arrival.report("install", f"{artifact.name} {artifact.version}, by RAUC")
        try:
            await asyncio.to_thread(_run, "install", str(self._bundle), seconds=None)
        except ApplianceError as error:
            _handed_over(box, artifact, error)
            raise
        _handed_over(box, artifact, None)


def retire_interrupted(box: Box) -> None:
    """After a power cut while RAUC wrote: nobody knows how far it came, and the same medium may bring it again."""
    digest = settings.read(box.database, PENDING, "")
    artifact = next((one for one in box.registry.artifacts() if one.digest == digest), None)
    if artifact is not None:
        with box.change(APPLIANCE, HANDED_OVER) as change:
            box.registry.retire(change.tx, artifact.digest, change.time)
            settings.write(change.tx, PENDING, "")
            what = "The appliance was ended while RAUC wrote the image, which RAUC never boots then."
            _note(change, artifact, ApplianceError("image.interrupted", what))


def _handed_over(box: Box, artifact: Artifact, error: ApplianceError | None) -> None:
    with box.change(APPLIANCE, HANDED_OVER) as change:
        settings.write(change.tx, PENDING, "")
        _note(change, artifact, error)


def _note(change: Change, artifact: Artifact, error: ApplianceError | None) -> None:
    change.note(
        f"{artifact.kind} {artifact.name} {artifact.version}",
        digest=artifact.digest,
        outcome=Outcome.OK if error is None else Outcome.FAILED,
        cause="" if error is None else error.code,
        details={} if error is None else {"what": error.what},
    )


def compatible_here() -> str:
    """What RAUC calls this system. Raises ApplianceError `image.no-rauc` with the reason where there is none."""
    if shutil.which(PROGRAM) is None:
        raise _refused("image.no-rauc", "This system has no RAUC.", _BY_HAND)
    try:
        told = _asked("status", "--output-format=json")
        return str(told["compatible"])
    except (ApplianceError, KeyError) as error:
        why = error.what if isinstance(error, ApplianceError) else "It does not say what this system is."
        raise _refused("image.no-rauc", f"RAUC does not run this system. {why}", _BY_HAND) from error


_BY_HAND = "Update this system the way it was installed; its models and packs need no image."


def _asked(*arguments: str) -> dict[str, Any]:
    output = _run(*arguments, seconds=ASK_SECONDS)
    try:
        return msgspec.json.decode(output, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise _refused("image.refused", "RAUC answers with something other than JSON.", "") from error


def _run(*arguments: str, seconds: float | None) -> str:
    """What RAUC prints. Raises ApplianceError `image.refused` with what it says."""
    program = shutil.which(PROGRAM) or PROGRAM
    try:
        done = subprocess.run(
            [program, *arguments], capture_output=True, text=True, timeout=seconds, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _refused("image.refused", f"RAUC cannot be asked: {error}.", "Look at its service.") from error
    said = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    if done.returncode:
        last = said[-1] if said else f"exit code {done.returncode}"
        raise _refused("image.refused", f"RAUC says: {last[:400]}", "See `journalctl -u rauc` for more.")
    return done.stdout


def _bundle(box: Box, artifact: Artifact) -> Path:
    (file,) = (file for file in artifact.files if file.media_type == BUNDLE_TYPE)
    return box.blobs.path(Digest(file.digest))


def _refused(code: str, what: str, remedy: str) -> ApplianceError:
    return ApplianceError(code, what, kept="The system that runs is as it was.", remedy=remedy)


SYSTEM = Systems()
