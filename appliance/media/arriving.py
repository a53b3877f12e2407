"""Importing by itself what the policy lets come in without anybody."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from appliance import policy
from appliance.actor import APPLIANCE
from appliance.admission import admit, digest_of
from appliance.errors import explain
from appliance.importing import look_at
from appliance.operations.context import BoxContext
from appliance.operations.updating import take_in
from updates.errors import UpdateError
from updates.inspect import Preview

logger = logging.getLogger(__name__)

ACTION = "update.import"
_PERHAPS_NOT_WHOLE = frozenset({"medium.missing-file", "medium.truncated", "medium.gone"})
"""Causes that are looked for before anything is copied, and that may be over in a moment."""
TRY_AGAIN_SECONDS = 10.0
"""After a look at what is perhaps still being written, such as by a data diode."""


class Arrivals:
    """Lives in the daemon's event loop; `tell` hears of every import that came to an end."""

    def __init__(self, context: BoxContext, changing: asyncio.Lock, tell: Callable[[], None]) -> None:
        self._context = replace(context, actor=APPLIANCE)
        self._changing = changing
        self._tell = tell
        self._there: tuple[Path, ...] = ()
        self._over: set[tuple[Path, str]] = set()
        """What was imported, or failed for good, or was told: again only as something else, or by a person."""
        self._news = asyncio.Event()

    def found(self, updates: tuple[Path, ...]) -> None:
        """These are there now."""
        self._there = updates
        self._over = {(path, what) for path, what in self._over if path in updates}
        self._news.set()

    async def run(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), TRY_AGAIN_SECONDS if self._there else None)
            self._news.clear()
            await self._take_in(self._there)

    async def _take_in(self, updates: Sequence[Path]) -> None:
        for path in updates:
            try:
                if not _any_auto(policy.read(self._context.box.database)):
                    return
                await self._consider(path)
            except Exception as error:  # noqa: BLE001 - one medium's fault must not keep the others out
                logger.warning("%s: %s", path, explain(error).what)

    async def _consider(self, path: Path) -> None:
        async with self._changing:
            context = self._context
            try:
                preview: Preview = await asyncio.to_thread(look_at, context, str(path), allow_expired=False)
            except UpdateError as error:
                if not error.code.startswith("medium."):
                    self._note(path, error.code, error)
                return
            digest = digest_of(preview)
            admission = admit(policy.read(context.box.database), preview, APPLIANCE)
            if not admission.auto or (path, digest) in self._over:
                return
            try:
                await take_in(context, str(path), allow_expired=False)
            except Exception as error:  # noqa: BLE001 - it is told in the audit log
                code = explain(error).code
                if code not in _PERHAPS_NOT_WHOLE:
                    self._over.add((path, digest))
                self._note(path, f"{digest} {code}", error)
            else:
                self._over.add((path, digest))
                context.box.sign_checkpoint()
                self._tell()

    def _note(self, path: Path, what: str, error: Exception) -> None:
        """Log a failure, the same one once."""
        if (path, what) not in self._over:
            self._over.add((path, what))
            self._context.box.note_failure(APPLIANCE, ACTION, error, subject=str(path))
            self._tell()


def _any_auto(document: policy.Policy) -> bool:
    imports = document.imports
    return any(getattr(imports, kind).auto for kind in imports.__struct_fields__)
