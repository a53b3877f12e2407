"""The daemon: puts the parts together, runs them, and takes them apart in good order."""

import asyncio
import contextlib
import logging
import pwd
import signal
from collections.abc import Callable
from pathlib import Path

import msgspec

from appliance.actor import APPLIANCE, Actor
from appliance.audit.entry import Outcome
from appliance.box import Box, timestamp
from appliance.compiled import sweep_stale
from appliance.console.commands import Command, Where
from appliance.console.table import BY_ID
from appliance.control.api import ControlServer, Peer
from appliance.control.messages import Call, Event, OnProgress
from appliance.errors import ApplianceError
from appliance.fallback import Fallback
from appliance.gateway.app import build_app
from appliance.gateway.server import GatewayServer
from appliance.hardware import HardwareWatch
from appliance.media.arriving import Arrivals
from appliance.media.watch import MediaWatch
from appliance.operations.carrying import carry_out
from appliance.operations.context import BoxContext
from appliance.policy import fallback, media
from appliance.registry import Deployment
from appliance.releases.trial import Trial
from appliance.service_manager import READY, STOPPING, notify
from appliance.serving import Serving
from appliance.soak.watch import SoakWatch
from appliance.store.migrating import forget
from appliance.telemetry.series import WINDOW_SECONDS, Telemetry
from runtimes.supervisor import ServingState, WorkerEvent

logger = logging.getLogger(__name__)

DRAIN_SECONDS = 10.0
START_SECONDS = 120.0
"""How long the daemon waits for its deployments before it says that it is ready; they go on loading after it."""
FLUSH_SECONDS = 5.0
LOOK_AGAIN_SECONDS = 60.0
"""How often what does not run as planned is tried again, where nothing else tells that it could."""
TRAFFIC_SECONDS = 1.0


class Daemon:
    """One box, served until it is told to stop."""

    def __init__(self, box: Box, *, host: str, port: int, trial: Trial | None = None) -> None:
        self._box = box
        self._trial = trial
        self._host = host
        self._port = port
        self._telemetry = Telemetry(box.state.telemetry)
        self._hardware = HardwareWatch(self._hardware_changed)
        self._serving = Serving(
            box.state,
            self._telemetry,
            self._hardware,
            self._worker_event,
            policy=lambda: fallback(box.database),
            on_fallback=self._fell_back,
        )
        self._look_again = asyncio.Event()
        self._changing = asyncio.Lock()
        self._soaks = SoakWatch(box, self._serving, self._changing, self._soak_ended)
        self._media = MediaWatch(lambda: media(box.database), self._media_changed)
        arriving = BoxContext(box, APPLIANCE, lambda _: None, self._serving)
        self._arrivals = Arrivals(arriving, self._changing, self._arrived)
        self._control = ControlServer(self._carry)
        self._gateway = GatewayServer()
        self._stop = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def run(self, on_ready: Callable[[tuple[str, ...]], None]) -> bool:
        """Serve until SIGTERM or SIGINT, or until an operation wants a restart: then True; `on_ready` hears the endpoints.

        Raises ApplianceError: `daemon.running`, `control.socket`, `gateway.port-in-use` and the like; `release.unfit` where
        this release is on trial and does not serve what served before.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        background: list[asyncio.Task[None]] = []
        try:
            await self._control.start(self._box.state.control_socket)
            await self._gateway.start(
                build_app(self._serving),
                unix_path=self._box.state.inference_socket,
                host=self._host if self._port else None,
                port=self._port,
            )
            self._serving.endpoints = tuple(self._gateway.endpoints)
            await self._start_deployments()
            work = (
                self._flush(),
                self._tell_traffic(),
                self._return_to_plans(),
                self._sweep(),
                self._soaks.run(),
                self._arrivals.run(),
            )
            background = [asyncio.create_task(task) for task in work]
            self._loop = loop
            self._hardware.start()
            self._media.start()
            self._prove_release()
            on_ready(self._serving.endpoints)
            notify(READY)
            await self._stop.wait()
        finally:
            notify(STOPPING)
            await self._take_apart(background)
        return self._serving.restart_wanted

    async def _start_deployments(self) -> None:
        deployments = self._box.registry.deployments()
        await asyncio.gather(*(self._serving.start(deployment) for deployment in deployments))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._serving.settled(), START_SECONDS)

    def _prove_release(self) -> None:
        if self._trial is not None:
            self._trial.check(self._serving.statuses())
            self._trial.confirm(self._box)
            self._box.sign_checkpoint()
            self._trial = None
        else:
            forget(self._box.state.database)

    async def _take_apart(self, background: list[asyncio.Task[None]]) -> None:
        self._publish("closing")
        for task in background:
            task.cancel()
        await asyncio.gather(*background, return_exceptions=True)
        self._soaks.store()
        await self._gateway.stop(DRAIN_SECONDS)
        await self._serving.close()
        await self._control.stop()
        await asyncio.to_thread(self._media.close)
        await asyncio.to_thread(self._hardware.close)
        self._telemetry.close()

    async def _carry(self, call: Call, peer: Peer, on_progress: OnProgress) -> msgspec.Raw:
        command = _command(call)
        context = BoxContext(self._box, _actor(peer), on_progress, self._serving)
        async with self._changing if command.changes else contextlib.nullcontext():
            result = await carry_out(command, call.arguments, context)
        if command.id == "settings.set":
            self._look_again.set()
        if command.changes:
            self._publish("update" if command.id.startswith("update.") else "deployments", command.id)
            self._publish("audit", command.id)
            if self._serving.restart_wanted:
                self._stop.set()  # the answer is written before anything is taken apart
        return msgspec.Raw(msgspec.json.encode(result))

    async def _flush(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            await asyncio.to_thread(self._telemetry.flush)

    async def _tell_traffic(self) -> None:
        """Tell consoles of traffic while there is any, and until its figures have run out of the last minute."""
        quiet, told = 0, 0
        while True:
            await asyncio.sleep(TRAFFIC_SECONDS)
            quiet = 0 if self._serving.answers != told else quiet + 1
            told = self._serving.answers
            if told and quiet <= WINDOW_SECONDS:
                self._publish("traffic")

    async def _sweep(self) -> None:
        """Remove compiled models that fit nothing here any more; what is missing and may come back keeps its own."""
        hardware = await self._hardware.profile()
        if self._serving.recovery.needed:
            return
        async with self._changing:
            await asyncio.to_thread(sweep_stale, self._box, hardware)

    async def _return_to_plans(self) -> None:
        """Try again what does not run as planned: when hardware came, when a setting changed, and now and then."""
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._look_again.wait(), LOOK_AGAIN_SECONDS)
            self._look_again.clear()
            if self._serving.recovery.needed:
                async with self._changing:
                    await self._serving.recovery.look_again()

    def _fell_back(self, deployment: Deployment, fallback: Fallback | None) -> None:
        """Write down that a deployment serves otherwise than planned, is down for it, or is back at its plan."""
        action = "deployment.restored"
        outcome, cause, details = Outcome.OK, "", dict[str, str]()
        if fallback is not None:
            action = "deployment.degraded" if fallback.by else "deployment.down"
            outcome = Outcome.OK if fallback.by else Outcome.REFUSED
            cause = fallback.cause.code
            details = {"planned": fallback.planned.label, "what": fallback.cause.what}
            details |= {"by": fallback.by.label} if fallback.by else {}
        artifact = deployment.artifact
        subject = f"{deployment.name} {artifact.version}"
        with contextlib.suppress(ApplianceError):  # a full disk must not keep anybody from being served
            with self._box.change(APPLIANCE, action) as change:
                change.note(subject, digest=artifact.digest, outcome=outcome, cause=cause, details=details)
            self._box.sign_checkpoint()
        self._publish("deployments", deployment.name)
        self._publish("audit", action)

    def _media_changed(self, updates: tuple[Path, ...]) -> None:
        """From the thread that watches."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._media_there, updates)

    def _media_there(self, updates: tuple[Path, ...]) -> None:
        self._serving.media = tuple(map(str, updates))
        self._arrivals.found(updates)
        self._publish("media")

    def _arrived(self) -> None:
        self._publish("update", "update.import")
        self._publish("audit", "update.import")
        if self._serving.restart_wanted:
            self._stop.set()

    def _soak_ended(self, name: str, action: str) -> None:
        self._publish("deployments", name)
        self._publish("audit", action)

    def _hardware_changed(self) -> None:
        self._publish("hardware")
        self._look_again.set()

    def _worker_event(self, event: WorkerEvent) -> None:
        if event.state in (ServingState.RESTARTING, ServingState.FAILED):
            logger.warning("%s: %s: %s", event.name, event.state, event.detail)
        self._publish("deployments", event.name)

    def _publish(self, kind: str, subject: str = "") -> None:
        self._control.publish(Event(kind, subject, timestamp()))


def _command(call: Call) -> Command:
    command = BY_ID.get(call.command)
    if command is None or command.where is Where.HERE:
        raise ApplianceError(
            "control.unknown-command",
            f"The daemon carries out no command {call.command!r}.",
            remedy="Run it with the `appliance` command itself.",
        )
    return command


def _actor(peer: Peer) -> Actor:
    try:
        name = pwd.getpwuid(peer.uid).pw_name
    except KeyError:
        name = f"uid:{peer.uid}"
    return Actor(f"{name}@local", "operator")
