"""What the daemon serves: deployments in workers, reached by the gateway and seen by the consoles."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from datetime import datetime

from appliance.errors import ApplianceError
from appliance.fallback import Fallback, FallbackPolicy
from appliance.gateway.router import Answered, ModelInfo
from appliance.hardware import HardwareWatch
from appliance.packages import planned, worker_spec
from appliance.recovering import Recovery
from appliance.registry import Deployment
from appliance.soak.observed import Observed
from appliance.soak.tally import Tallies
from appliance.state import StateFolder
from appliance.status import DeploymentState, DeploymentStatus, Problem
from appliance.telemetry.series import Telemetry
from runtimes.deployed import ServingState
from runtimes.engine import Candidate, GenerationChunk, GenerationRequest, Tensor, Tensors
from runtimes.errors import EngineError
from runtimes.hardware.profile import HardwareProfile
from runtimes.packs.compiled import CPU
from runtimes.selection.plan import CandidateResult
from runtimes.supervisor import Staged, Supervisor, WorkerEvent, WorkerState
from runtimes.worker.spec import WorkerSpec
from updates.blobs import BlobStore

LAST_WORDS = 10
"""Lines of a dead worker's log that the status tells."""


class Serving:
    """The deployments that run. It is the gateway's `Router` and the operations' `Services`."""

    def __init__(
        self,
        state: StateFolder,
        telemetry: Telemetry,
        hardware: HardwareWatch,
        on_event: Callable[[WorkerEvent], None],
        *,
        policy: Callable[[], FallbackPolicy] = lambda: FallbackPolicy.REFUSE,
        on_fallback: Callable[[Deployment, Fallback | None], None] = lambda *_: None,
    ) -> None:
        self.endpoints: tuple[str, ...] = ()
        self.media: tuple[str, ...] = ()
        """Where updates lie now."""
        self.restart_wanted = False
        self.answers = 0
        """Requests answered so far, whatever came of them."""
        self.tallies = Tallies()
        self._state = state
        self._blobs = BlobStore(state.blobs)
        self._telemetry = telemetry
        self._hardware = hardware
        self._on_event = on_event
        self._supervisor = Supervisor(self._worker_event)
        self.recovery = Recovery(self, policy, on_fallback)
        self._deployments: dict[str, Deployment] = {}
        self._unstartable: dict[str, EngineError | ApplianceError] = {}
        """Stored deployments that no worker can be started for."""
        self._failures: dict[str, EngineError] = {}
        """Why the worker of a deployment failed."""

    # --- what operations ask -----------------------------------------------------

    async def stage(self, deployment: Deployment) -> "StagedDeployment":
        return await self.load(deployment, planned(deployment))

    async def stop_serving(self, name: str) -> None:
        self._deployments.pop(name, None)
        self._failures.pop(name, None)
        self.recovery.forget(name)
        self.tallies.forget(name)
        if self._unstartable.pop(name, None) is None:
            await self._supervisor.remove(name)

    def statuses(self) -> Sequence[DeploymentStatus]:
        states = {state.name: state for state in self._supervisor.states()}
        return tuple(
            self._status(deployment, states.get(name))
            for name, deployment in sorted(self._deployments.items())
        )

    def seen(self, name: str) -> Observed:
        return self.tallies.seen(name)

    async def hardware(self) -> HardwareProfile:
        return await self._hardware.profile()

    def problems(self) -> Sequence[Problem]:
        return self._telemetry.problems()

    def restart(self) -> None:
        self.restart_wanted = True

    async def settled(self) -> None:
        """Wait until every deployment serves or has failed."""
        await self._supervisor.settled()
        await self.recovery.settled()

    async def start(self, deployment: Deployment) -> None:
        """Begin to serve a stored deployment; one that cannot be loaded ends as failed, with the reason."""
        self._deployments[deployment.name] = deployment
        try:
            spec = await self._spec(deployment, planned(deployment))
        except ApplianceError as error:
            self._unstartable[deployment.name] = error
            return
        except EngineError as error:
            self._unstartable[deployment.name] = error
            self.recovery.lost(deployment, error)
            return
        await self._supervisor.restore(deployment.name, spec, version=deployment.artifact.version)

    async def close(self) -> None:
        await self.recovery.close()
        await self._supervisor.close()

    def switched(self, deployment: Deployment) -> None:
        self._unstartable.pop(deployment.name, None)
        self.recovery.forget(deployment.name)
        before = self._deployments.get(deployment.name)
        if before is None or before.artifact.digest != deployment.artifact.digest:
            self.tallies.begin(deployment.name)
        self._deployments[deployment.name] = deployment

    # --- what recovering asks ----------------------------------------------------

    def deployment(self, name: str) -> Deployment | None:
        return self._deployments.get(name)

    async def load(self, deployment: Deployment, candidate: Candidate) -> "StagedDeployment":
        spec = await self._spec(deployment, candidate)
        version = deployment.artifact.version
        staged = await self._supervisor.stage(deployment.name, spec, version=version)
        return StagedDeployment(self, deployment, staged)

    async def put_down(self, name: str, cause: EngineError) -> None:
        self._unstartable[name] = cause
        await self._supervisor.remove(name)

    # --- what the gateway asks ---------------------------------------------------

    def models(self) -> Sequence[ModelInfo]:
        return tuple(self.model(name) for name in sorted(self._deployments))

    def model(self, name: str, version: str | None = None) -> ModelInfo:
        deployment = self._find(name, version)
        state = None if name in self._unstartable else self._supervisor.state(name)
        facts = state.facts if state else None
        serving = self._result_serving(deployment)
        fallback = self.recovery.of(name)
        return ModelInfo(
            name=name,
            version=deployment.artifact.version,
            kind=deployment.artifact.kind_of_answer,
            platform=f"{serving.engine if serving else 'none'}_{deployment.artifact.format}",
            ready=state is not None and state.pid is not None,
            created=int(datetime.fromisoformat(deployment.deployed).timestamp()),
            inputs=facts.inputs if facts else (),
            outputs=facts.outputs if facts else (),
            context_tokens=facts.context_tokens if facts else None,
            degraded=fallback.cause.code if fallback and fallback.by else "",
        )

    async def infer(
        self, name: str, inputs: Tensors, outputs: Sequence[str] = (), version: str | None = None
    ) -> dict[str, Tensor]:
        self._find_served(name, version)
        try:
            return await self._supervisor.infer(name, inputs, outputs)
        except EngineError as error:
            if error.code != "deployment.failed" or not await self.recovery.found(name):
                raise
        return await self._supervisor.infer(name, inputs, outputs)

    async def generate(self, name: str, request: GenerationRequest) -> AsyncGenerator[GenerationChunk, None]:
        self._find_served(name, None)
        if self.recovery.running(name):
            await self.recovery.found(name)
        async with aclosing(self._supervisor.generate(name, request)) as chunks:
            async for chunk in chunks:
                yield chunk

    def answered(self, answered: Answered) -> None:
        self.answers += 1
        self.tallies.answered(answered)
        self._telemetry.record(answered.deployment, answered.seconds, answered.cause, answered.tokens)

    # --- within --------------------------------------------------------------------

    async def _spec(self, deployment: Deployment, candidate: Candidate) -> WorkerSpec:
        """The processor's candidates do not wait until the machine is examined."""
        hardware = None if candidate.device == CPU else await self._hardware.profile()
        return worker_spec(self._state, self._blobs, deployment, candidate, hardware)

    def _worker_event(self, event: WorkerEvent) -> None:
        self._failures.pop(event.name, None)
        self.tallies.serves(event.name, event.state is ServingState.SERVING)
        if event.state is ServingState.RESTARTING:
            self.tallies.died(event.name)
        deployment = self._deployments.get(event.name)
        if event.state is ServingState.FAILED and event.cause is not None and deployment is not None:
            self._failures[event.name] = event.cause
            self.recovery.lost(deployment, event.cause)
        self._on_event(event)

    def _find(self, name: str, version: str | None) -> Deployment:
        deployment = self._deployments.get(name)
        if deployment is None or version not in {None, "", deployment.artifact.version}:
            which = f"{name} {version}" if version else name
            raise EngineError(
                "deployment.unknown",
                f"Nothing is deployed as {which}.",
                remedy="GET /v1/models and `appliance status` list what is.",
            )
        return deployment

    def _find_served(self, name: str, version: str | None) -> None:
        self._find(name, version)
        reason = self._unstartable.get(name)
        if reason is not None:
            raise EngineError("deployment.failed", f"{name} is not served: {reason}", remedy=reason.remedy)

    def _result_serving(self, deployment: Deployment) -> CandidateResult | None:
        """The plan's result of the candidate that serves, or would."""
        fallback = self.recovery.of(deployment.name)
        if fallback is None or fallback.by is None:
            return deployment.plan.chosen
        return next(result for result in deployment.plan.results if result.candidate == fallback.by)

    def _status(self, deployment: Deployment, worker: WorkerState | None) -> DeploymentStatus:
        serving = self._result_serving(deployment)
        cause = self._cause(deployment.name)
        state = self._state_of(deployment.name, worker)
        degraded = state is DeploymentState.DEGRADED
        chosen = deployment.plan.chosen
        return DeploymentStatus(
            name=deployment.name,
            version=deployment.artifact.version,
            kind=deployment.artifact.kind_of_answer,
            state=state,
            detail=(worker.detail if worker else "") or str(cause or ""),
            engine=serving.label if serving else "",
            worker_pid=worker.pid if worker else None,
            memory=worker.memory if worker else None,
            restarts=worker.restarts if worker else 0,
            planned_p50_seconds=serving.measurement.p50_seconds if serving and serving.measurement else None,
            traffic=self._telemetry.traffic(deployment.name),
            confinement=dict(worker.facts.confinement) if worker and worker.pid and worker.facts else {},
            last_words=worker.log[-LAST_WORDS:] if worker and worker.pid is None else (),
            cause=cause.code if cause else "",
            remedy=cause.remedy if cause else "",
            planned=chosen.label if chosen and degraded else "",
        )

    def _state_of(self, name: str, worker: WorkerState | None) -> DeploymentState:
        if self.recovery.running(name):
            return DeploymentState.RESTARTING
        if worker is None:
            return DeploymentState.FAILED
        fallback = self.recovery.of(name)
        if worker.state is ServingState.SERVING and fallback is not None and fallback.by is not None:
            return DeploymentState.DEGRADED
        return DeploymentState(worker.state)

    def _cause(self, name: str) -> EngineError | ApplianceError | None:
        """Why it is not served, or not as planned, where a reason is known."""
        fallback = self.recovery.of(name)
        if fallback is not None:
            return fallback.cause
        return self._unstartable.get(name) or self._failures.get(name)


class StagedDeployment:
    """A deployment that is loaded and waits for its switch."""

    def __init__(self, serving: Serving, deployment: Deployment, staged: Staged) -> None:
        self._serving = serving
        self._deployment = deployment
        self._staged = staged

    async def switch(self) -> None:
        await self._staged.switch()
        self._serving.switched(self._deployment)

    async def discard(self) -> None:
        await self._staged.discard()
