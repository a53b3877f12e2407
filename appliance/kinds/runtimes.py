"""Runtime packs: an environment is made from the wheels, without a network, and its engine must start.

The registry says which versions are here, and its newest is the one that counts; links and folders follow it
(`follow_registry`), so that a power cut between the two costs nothing.
"""

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from appliance.actor import Actor
from appliance.box import Box, timestamp
from appliance.errors import ApplianceError
from appliance.kinds.kind import Arrival, Prepared, record
from appliance.kinds.wheels import check_fit, wheels_of
from appliance.registry import Artifact, Deployment
from appliance.retention import reclaim
from runtimes.engine import EngineDescription
from runtimes.packs import installed_packs
from runtimes.packs.places import place_of, versions_in
from runtimes.packs.versions import PackContents, current, install, remove, switch
from updates.digest import Digest
from updates.manifest import parse_manifest
from updates.names import Kind
from updates.transfer import Received
from updates.wheels import RUNTIME_TYPE, RuntimeFacts, runtime_facts, wheel_contents

REMOVED = "runtime.remove"


class Runtimes:
    """The kind `runtime`."""

    def check(self, arrival: Arrival, received: Received) -> Artifact:  # noqa: ARG002 - the machine decides
        file = received.artifact.manifest_file
        contents = wheel_contents(received.manifest, RUNTIME_TYPE, file)
        facts = runtime_facts(contents, file)
        check_fit(received.artifact.identity, contents.wheels, "pack.other-platform")
        return record(received, timestamp(), licence=facts.licence, format="wheels")

    async def certify(self, arrival: Arrival, artifact: Artifact) -> Prepared:
        box = arrival.context.box
        _refuse_taken_name(box, artifact)
        facts = _facts(box, artifact)
        arrival.report("install", f"{artifact.name} {artifact.version}")
        packs = box.state.own_packs
        contents = PackContents(
            artifact.name,
            artifact.version,
            facts.engine,
            facts.adapter,
            facts.needs,
            wheels_of(box.blobs, artifact),
        )
        return PreparedRuntime(artifact, box, await install(contents, packs))


class PreparedRuntime(Prepared):
    """A version whose environment stands, beside the one that counts."""

    def __init__(self, artifact: Artifact, box: Box, described: EngineDescription) -> None:
        devices = ", ".join(described.devices) or "no device here"
        super().__init__(artifact, f"{described.name} {described.version} starts and offers {devices}")
        self._box = box
        self._place = place_of(box.state.own_packs, artifact.name, artifact.version)
        self.packs: Path = Path(tempfile.mkdtemp(prefix=".arriving-", dir=box.state.own_packs))
        (self.packs / artifact.name).symlink_to(self._place)

    async def settle(self) -> None:
        shutil.rmtree(self.packs, ignore_errors=True)
        switch(self._box.state.own_packs, self.artifact.name, self.artifact.version)

    async def undo(self) -> None:
        shutil.rmtree(self.packs, ignore_errors=True)
        remove(self._box.state.own_packs, self.artifact.name, self.artifact.version)


def follow_registry(box: Box) -> None:
    """Let links and folders be what the registry says: after a power cut, and where a version was retired."""
    packs = box.state.own_packs
    kept = {(one.name, one.version) for one in _runtimes(box)}
    for name, version in versions_in(packs):
        if (name, version) not in kept:
            remove(packs, name, version)
    for name, version in _newest(box).items():
        if current(packs, name) != version and place_of(packs, name, version).is_dir():
            switch(packs, name, version)
    for stray in (*packs.glob(".arriving-*"), *packs.glob(".*/.wheels-*")):
        shutil.rmtree(stray, ignore_errors=True)


def remove_unused(box: Box, actor: Actor) -> tuple[Artifact, ...]:
    """Retire the versions that a newer one has replaced and no plan was measured with; what went.

    A disk that takes no audit entry keeps them all.
    """
    newest, used = _newest(box), _used(box.registry.deployments())
    going = tuple(
        one
        for one in _runtimes(box)
        if one.version != newest[one.name] and (one.name, one.version) not in used
    )
    if not going:
        return ()
    try:
        with box.change(actor, REMOVED) as change:
            for one in going:
                box.registry.retire(change.tx, one.digest, change.time)
                why = f"{newest[one.name]} is here, and no deployment's plan was measured with this version"
                change.note(f"{one.kind} {one.name} {one.version}", digest=one.digest, details={"why": why})
    except ApplianceError:
        return ()
    follow_registry(box)
    reclaim(box)
    return going


def _refuse_taken_name(box: Box, artifact: Artifact) -> None:
    own = {word for pack in installed_packs() for word in (pack.name, pack.engine)}
    place = box.state.own_packs / artifact.name
    if artifact.name in own or (place.exists() and not place.is_symlink()):
        whose = "the appliance's own" if artifact.name in own else "made on this box by hand"
        raise ApplianceError(
            "pack.name-taken",
            f"There is a pack {artifact.name} already, {whose}.",
            kept="The box is as it was.",
            remedy="Give it another name at the depot, or remove the other pack first.",
        )


def _used(deployments: Sequence[Deployment]) -> set[tuple[str, str]]:
    """Name and version of the packs that a deployment runs on, or would fall back to."""
    return {
        (result.candidate.pack, deployment.plan.engines.get(result.candidate.pack, ""))
        for deployment in deployments
        for result in deployment.plan.results
        if result.candidate is not None and result.measurement is not None
    }


def _runtimes(box: Box) -> list[Artifact]:
    return [one for one in box.registry.artifacts() if one.kind == Kind.RUNTIME]


def _newest(box: Box) -> dict[str, str]:
    """Name -> the version that was imported last."""
    return {one.name: one.version for one in _runtimes(box)}


def _facts(box: Box, artifact: Artifact) -> RuntimeFacts:
    file = f"the manifest of {artifact.name} {artifact.version}"
    manifest = parse_manifest(box.blobs.path(Digest(artifact.digest)).read_bytes(), file)
    return runtime_facts(wheel_contents(manifest, RUNTIME_TYPE, file), file)


RUNTIME = Runtimes()
