"""Finding somebody to serve a deployment whose device is gone, and giving it back when the device is."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from appliance.errors import ApplianceError
from appliance.fallback import Fallback, FallbackPolicy, alternatives
from appliance.packages import planned
from appliance.registry import Deployment
from runtimes.deployed import GONE
from runtimes.engine import Candidate
from runtimes.errors import EngineError
from runtimes.packs.compiled import CPU

_AS_BROKEN_DRIVERS_DO = frozenset({"worker.died", "worker.load-timeout"})


class Loaded(Protocol):
    """A worker that is loaded and gets no requests yet."""

    async def switch(self) -> None: ...

    async def discard(self) -> None: ...


class Deployments(Protocol):
    """What recovering needs of those who serve."""

    def deployment(self, name: str) -> Deployment | None:
        """As it is deployed now."""
        ...

    async def load(self, deployment: Deployment, candidate: Candidate) -> Loaded:
        """Raises EngineError, ApplianceError."""
        ...

    async def put_down(self, name: str, cause: EngineError) -> None:
        """Serve it no more."""
        ...


class Recovery:
    """The deployments that do not run as planned. Lives in one event loop.

    `tell` hears each one that falls back, goes down (`Fallback.by` is None) or, then as None, is back at its plan.
    """

    def __init__(
        self,
        deployments: Deployments,
        policy: Callable[[], FallbackPolicy],
        tell: Callable[[Deployment, Fallback | None], None],
    ) -> None:
        self._deployments = deployments
        self._policy = policy
        self._tell = tell
        self._fallbacks: dict[str, Fallback] = {}
        self._running: dict[str, asyncio.Task[None]] = {}

    def of(self, name: str) -> Fallback | None:
        """None where it runs as planned."""
        return self._fallbacks.get(name)

    def running(self, name: str) -> bool:
        """Whether somebody is being looked for."""
        return name in self._running

    @property
    def needed(self) -> bool:
        return bool(self._fallbacks)

    def forget(self, name: str) -> None:
        """It was deployed anew, or removed."""
        self._fallbacks.pop(name, None)

    def lost(self, deployment: Deployment, cause: EngineError) -> None:
        """What serves a deployment cannot be loaded: look for somebody else, where policy and cause allow it."""
        if deployment.name in self._running or not _is_the_device_s(cause, planned(deployment)):
            return
        before = self._fallbacks.get(deployment.name)
        fallback = Fallback(deployment.name, planned(deployment), before.cause if before else cause, None)
        self._fallbacks[deployment.name] = fallback
        task = asyncio.create_task(self._recover_or_tell(deployment, fallback))
        self._running[deployment.name] = task
        task.add_done_callback(lambda _: self._running.pop(deployment.name))

    async def settled(self) -> None:
        """Wait until nobody is being looked for."""
        while self._running:
            await asyncio.wait(list(self._running.values()))

    async def found(self, name: str) -> bool:
        """Wait while somebody is being looked for; whether anybody serves instead then."""
        if name in self._running:
            await asyncio.wait([self._running[name]])
        fallback = self._fallbacks.get(name)
        return fallback is not None and fallback.by is not None

    async def look_again(self) -> None:
        """Put back what can run as planned again; hold to the policy with what cannot."""
        await self.settled()
        for fallback in list(self._fallbacks.values()):
            deployment = self._deployments.deployment(fallback.name)
            if deployment is not None and not await self._served_by(deployment, fallback.planned):
                await self._hold_to_policy(deployment, fallback)

    async def close(self) -> None:
        for task in self._running.values():
            task.cancel()
        await self.settled()

    async def _recover_or_tell(self, deployment: Deployment, fallback: Fallback) -> None:
        if self._policy() is FallbackPolicy.REFUSE or not await self._recover(deployment, fallback):
            self._tell(deployment, fallback)

    async def _recover(self, deployment: Deployment, fallback: Fallback) -> bool:
        """Whether anybody could be found."""
        for candidate in alternatives(deployment.plan, fallback.planned):
            if await self._served_by(deployment, candidate, instead=fallback):
                return True
        return False

    async def _served_by(
        self, deployment: Deployment, candidate: Candidate, *, instead: Fallback | None = None
    ) -> bool:
        """Whether it is served by that candidate now. Not where it was deployed anew or removed meanwhile."""
        try:
            loaded = await self._deployments.load(deployment, candidate)
        except (EngineError, ApplianceError):
            return False
        if self._deployments.deployment(deployment.name) is not deployment:
            await loaded.discard()
            return False
        await loaded.switch()
        if instead is None:
            self.forget(deployment.name)
            self._tell(deployment, None)
        else:
            fallback = replace(instead, by=candidate)
            self._fallbacks[deployment.name] = fallback
            self._tell(deployment, fallback)
        return True

    async def _hold_to_policy(self, deployment: Deployment, fallback: Fallback) -> None:
        policy = self._policy()
        if policy is FallbackPolicy.REFUSE and fallback.by is not None:
            down = self._fallbacks[fallback.name] = replace(fallback, by=None)
            await self._deployments.put_down(fallback.name, fallback.cause)
            self._tell(deployment, down)
        elif policy is FallbackPolicy.DEGRADE and fallback.by is None:
            await self._recover(deployment, fallback)


def _is_the_device_s(cause: EngineError, candidate: Candidate) -> bool:
    """Whether another device might do better. A worker that keeps dying on a card may well do so for the card's driver."""
    return cause.code in GONE or (candidate.device != CPU and cause.code in _AS_BROKEN_DRIVERS_DO)
