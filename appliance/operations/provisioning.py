"""`appliance init`: make a box."""

import os
import shutil
import socket
import tempfile
from pathlib import Path

from appliance.accounts import Accounts
from appliance.audit.key import DeviceKey
from appliance.box import Box, origin, timestamp
from appliance.errors import ApplianceError
from appliance.operations.context import LocalContext
from appliance.results import BoxMade
from appliance.state import StateFolder
from appliance.store import settings
from appliance.store.database import Database
from appliance.store.lock import StateLock
from updates.layout import LIMITS
from updates.trust.state import TrustState

_STATE_MODE = 0o710
"""Workers with a user of their own reach the blobs through the group; what else lies there is the owner's alone."""


def init(context: LocalContext, *, trust: str, box: str | None, admin: str) -> BoxMade:
    """Make the box beside its place and move it there when it is whole: half a box is never seen."""
    root = TrustState.from_root(_read_root(Path(trust)))
    name = box or socket.gethostname()
    state = context.state
    state.root.mkdir(parents=True, exist_ok=True, mode=_STATE_MODE)
    with StateLock.acquire(state.root):
        _refuse_existing(state)
        with tempfile.TemporaryDirectory(prefix=".init-", dir=state.root) as folder:
            made = StateFolder.at(Path(folder))
            password, device_key = _make(context, made, root, name, admin)
            _move_into_place(made, state)
    return BoxMade(name, str(state.root), admin, password, str(device_key.verifier), root.root_version)


def _make(
    context: LocalContext, made: StateFolder, root: TrustState, name: str, admin: str
) -> tuple[str, DeviceKey]:
    made.device_key.parent.mkdir(mode=0o700)
    key = DeviceKey.create(made.device_key, origin(name))
    Database.open(made.database).close()
    with Box.open(made, writing=True) as box:
        with box.change(context.actor, "init") as change:
            settings.write(change.tx, "box.name", name)
            box.registry.put_trusted_metadata(change.tx, root.files)
            password = Accounts(box.database).create_first_administrator(change.tx, admin, timestamp())
            change.note(
                name,
                details={
                    "administrator": admin,
                    "device_key": str(key.verifier),
                    "root_version": root.root_version,
                },
            )
        box.sign_checkpoint()
    return password or "", key


def _move_into_place(made: StateFolder, state: StateFolder) -> None:
    """The database comes last: while it is not there, there is no box."""
    keys = state.device_key.parent
    shutil.rmtree(keys, ignore_errors=True)
    made.device_key.parent.rename(keys)
    made.database.rename(state.database)
    for folder in (keys, state.root):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        os.fsync(descriptor)
        os.close(descriptor)


def _refuse_existing(state: StateFolder) -> None:
    if state.database.exists():
        raise ApplianceError(
            "state.exists",
            f"There is a box in {state.root} already.",
            kept="It was left as it is.",
            remedy="Choose another --state-dir, or move this one away.",
        )


def _read_root(file: Path) -> bytes:
    try:
        with file.open("rb") as source:
            return source.read(LIMITS.root + 1)
    except OSError as error:
        raise ApplianceError(
            "trust.root-unreadable",
            f"The trust root {file} cannot be read: {error.strerror}.",
            kept="Nothing was made.",
            remedy="`appliance depot init` says where the depot's root lies.",
        ) from error
