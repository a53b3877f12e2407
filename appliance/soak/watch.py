"""Watches in the daemon what soaks there, and acts on it."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import replace

from appliance.actor import APPLIANCE
from appliance.box import Box
from appliance.errors import ApplianceError
from appliance.operations.context import BoxContext
from appliance.retention import keep_to_policy
from appliance.serving import Serving
from appliance.soak import steps, store
from appliance.soak.machine import Fault, Phase
from appliance.soak.observed import Observed
from appliance.soak.store import Soak
from appliance.status import DeploymentState
from runtimes.deployed import GONE
from runtimes.errors import EngineError

logger = logging.getLogger(__name__)

TICK_SECONDS = 1.0
STORE_SECONDS = 5.0
"""How often counts are written down: the most that a power cut takes from them."""
TRY_AGAIN_SECONDS = 60.0
"""After a way back that failed."""


class SoakWatch:
    """`tell` hears the name of each deployment whose soak ended and the action that stands in the audit log."""

    def __init__(
        self, box: Box, serving: Serving, changing: asyncio.Lock, tell: Callable[[str, str], None]
    ) -> None:
        self._box = box
        self._serving = serving
        self._changing = changing
        self._tell = tell
        self._earlier: dict[tuple[str, str], Observed] = {}
        """By deployment and beginning: what was seen before this daemon counted."""
        self._stored_at = 0.0
        self._stuck_until: dict[str, float] = {}
        """Deployments whose way back failed, and when to try again."""

    async def run(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            try:
                async with self._changing:
                    await self._look()
            except ApplianceError as error:  # a full disk, an unreadable policy: told by the status already
                logger.warning("soak: %s", error.what)
            except Exception:
                logger.exception("a fault in the appliance kept a soak from being looked at")

    def store(self) -> None:
        """Write down what was seen so far."""
        with contextlib.suppress(ApplianceError):
            soaking = [soak for soak in self._soaks() if soak.phase is Phase.SOAKING]
            if soaking:
                with self._box.database.transaction() as tx:
                    for soak in soaking:
                        store.put(tx, soak)

    def _soaks(self) -> list[Soak]:
        """The open ones, with what was seen up to now."""
        found = [soak for soak in store.all_soaks(self._box.database).values() if soak.open]
        keys = {(soak.name, soak.began) for soak in found}
        self._earlier = {key: seen for key, seen in self._earlier.items() if key in keys}
        return [self._up_to_now(soak) for soak in found]

    def _up_to_now(self, soak: Soak) -> Soak:
        earlier = self._earlier.setdefault((soak.name, soak.began), soak.seen)
        return replace(soak, seen=earlier + self._serving.tallies.seen(soak.name))

    async def _look(self) -> None:
        now = asyncio.get_running_loop().time()
        for soak in self._soaks():
            await self._step(soak, now)
        if now - self._stored_at >= STORE_SECONDS:
            self._stored_at = now
            self.store()

    async def _step(self, soak: Soak, now: float) -> None:
        if soak.phase is Phase.SOAKING:
            fault = self._cannot_serve(soak) or steps.verdict(self._box, soak)
            if fault is None:
                if steps.watched_enough(self._box, soak):
                    steps.confirm(self._box, soak)
                    await asyncio.to_thread(keep_to_policy, self._box, APPLIANCE)
                    self._tell(soak.name, steps.CONFIRMED)
                return
            soak = steps.fail(self._box, soak, fault)
        if now >= self._stuck_until.get(soak.name, 0.0):
            await self._send_back(soak, now)

    async def _send_back(self, soak: Soak, now: float) -> None:
        logger.warning(
            "%s %s goes back to %s: %s", soak.name, soak.version, soak.previous_version, soak.reason
        )
        context = BoxContext(self._box, APPLIANCE, lambda _: None, self._serving)
        try:
            await steps.send_back(context, soak)
        except (EngineError, ApplianceError) as error:
            if soak.name not in self._stuck_until:
                self._box.note_failure(
                    APPLIANCE, steps.ROLLED_BACK, error, subject=f"{soak.name} {soak.version}"
                )
            self._stuck_until[soak.name] = now + TRY_AGAIN_SECONDS
        else:
            self._stuck_until.pop(soak.name, None)
        self._tell(soak.name, steps.ROLLED_BACK)

    def _cannot_serve(self, soak: Soak) -> Fault | None:
        """Whether it was given up; not where the device that it needs is gone, which says nothing against it."""
        for status in self._serving.statuses():
            if (
                status.name == soak.name
                and status.state is DeploymentState.FAILED
                and status.cause not in GONE
            ):
                return Fault("soak.failed", f"it does not serve: {status.detail}")
        return None
