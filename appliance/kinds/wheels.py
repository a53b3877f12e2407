"""The wheels of an arriving artifact: those that fit this machine, or the reason why it can install none."""

import platform
from collections.abc import Collection, Mapping

from packaging.tags import Tag, sys_tags

from appliance.errors import ApplianceError
from appliance.registry import Artifact
from runtimes.packs.wheels import Wheel
from updates.blobs import BlobStore
from updates.digest import Digest
from updates.names import Identity
from updates.wheels import WHEEL_TYPE, WHEELS, fitting


def check_fit(identity: Identity, names: Collection[str], code: str) -> None:
    """Of every project one wheel must fit this machine. Raises ApplianceError with `code`."""
    _, lacking = fitting(names, tuple(sys_tags()))
    if lacking:
        raise ApplianceError(
            code,
            f"{identity} does not fit this machine, {_machine()}: {_told(lacking)}.",
            kept="The box is as it was.",
            remedy="Add the wheels for this machine's processor and Python at the depot.",
        )


def wheels_of(blobs: BlobStore, artifact: Artifact) -> tuple[Wheel, ...]:
    """The wheels that this machine installs."""
    found = {
        file.path.removeprefix(f"{WHEELS}/"): file for file in artifact.files if file.media_type == WHEEL_TYPE
    }
    best, _ = fitting(found, tuple(sys_tags()))
    chosen = (found[name] for name in best.values())
    return tuple(
        Wheel(file.path.removeprefix(f"{WHEELS}/"), blobs.path(Digest(file.digest)), file.digest)
        for file in chosen
    )


def _machine() -> str:
    library, version = platform.libc_ver()
    return f"Python {platform.python_version()} on {platform.machine()} with {library or 'libc'} {version}".strip()


def _told(lacking: Mapping[str, Collection[Tag]]) -> str:
    told = (
        f"{project} is there for {', '.join(sorted(map(str, tags))[:3])} alone"
        for project, tags in sorted(lacking.items())
    )
    return "; ".join(list(told)[:4])
