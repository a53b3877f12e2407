"""What the daemon serves: deployments in workers, reached by the gateway and seen by the consoles."""

from collections.abc import AsyncGenerator, Callable, Sequence
from datetime import datetime

from appliance.errors import ApplianceError
from appliance.gateway.router import Answered, ModelInfo
from appliance.hardware import HardwareWatch
from appliance.packages import worker_spec
from appliance.registry import Deployment
from appliance.state import StateFolder
from appliance.status import DeploymentState, DeploymentStatus, Problem
from appliance.telemetry.series import Telemetry
from runtimes.engine import GenerationChunk, GenerationRequest, Tensor, Tensors
from runtimes.errors import EngineError
from runtimes.hardware.profile import HardwareProfile
from runtimes.supervisor import Staged, Supervisor, WorkerEvent, WorkerState
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
    ) -> None:
        self.endpoints: tuple[str, ...] = ()
        self.answers = 0
        """Requests answered so far, whatever came of them."""
        self._state = state
        self._blobs = BlobStore(state.blobs)
        self._telemetry = telemetry
        self._hardware = hardware
        self._supervisor = Supervisor(on_event)
        self._deployments: dict[str, Deployment] = {}
        self._unstartable: dict[str, EngineError | ApplianceError] = {}
        """Stored deployments that no worker can be started for."""

    # --- what operations ask -----------------------------------------------------

    async def stage(self, deployment: Deployment) -> "StagedDeployment":
        spec = worker_spec(self._state, self._blobs, deployment)
        version = deployment.artifact.version
        staged = await self._supervisor.stage(deployment.name, spec, version=version)
        return StagedDeployment(self, deployment, staged)

    async def stop_serving(self, name: str) -> None:
        self._deployments.pop(name, None)
        if self._unstartable.pop(name, None) is None:
            await self._supervisor.remove(name)

    def statuses(self) -> Sequence[DeploymentStatus]:
        states = {state.name: state for state in self._supervisor.states()}
        return tuple(
            self._status(deployment, states.get(name))
            for name, deployment in sorted(self._deployments.items())
        )

    async def hardware(self) -> HardwareProfile:
        return await self._hardware.profile()

    def problems(self) -> Sequence[Problem]:
        return self._telemetry.problems()

    async def settled(self) -> None:
        """Wait until every deployment serves or has failed."""
        await self._supervisor.settled()

    async def start(self, deployment: Deployment) -> None:
        """Begin to serve a stored deployment; one that cannot be loaded ends as failed, with the reason."""
        self._deployments[deployment.name] = deployment
        try:
            spec = worker_spec(self._state, self._blobs, deployment)
        except (EngineError, ApplianceError) as error:
            self._unstartable[deployment.name] = error
            return
        await self._supervisor.restore(deployment.name, spec, version=deployment.artifact.version)

    async def close(self) -> None:
        await self._supervisor.close()

    def switched(self, deployment: Deployment) -> None:
        self._unstartable.pop(deployment.name, None)
        self._deployments[deployment.name] = deployment

    # --- what the gateway asks ---------------------------------------------------

    def models(self) -> Sequence[ModelInfo]:
        return tuple(self.model(name) for name in sorted(self._deployments))

    def model(self, name: str, version: str | None = None) -> ModelInfo:
        deployment = self._find(name, version)
        state = None if name in self._unstartable else self._supervisor.state(name)
        facts = state.facts if state else None
        chosen = deployment.plan.chosen
        return ModelInfo(
            name=name,
            version=deployment.artifact.version,
            kind=deployment.artifact.kind_of_answer,
            platform=f"{chosen.engine if chosen else 'none'}_{deployment.artifact.format}",
            ready=state is not None and state.pid is not None,
            created=int(datetime.fromisoformat(deployment.deployed).timestamp()),
            inputs=facts.inputs if facts else (),
            outputs=facts.outputs if facts else (),
            context_tokens=facts.context_tokens if facts else None,
        )

    async def infer(
        self, name: str, inputs: Tensors, outputs: Sequence[str] = (), version: str | None = None
    ) -> dict[str, Tensor]:
        self._find_served(name, version)
        return await self._supervisor.infer(name, inputs, outputs)

    def generate(self, name: str, request: GenerationRequest) -> AsyncGenerator[GenerationChunk, None]:
        self._find_served(name, None)
        return self._supervisor.generate(name, request)

    def answered(self, answered: Answered) -> None:
        self.answers += 1
        self._telemetry.record(answered.deployment, answered.seconds, answered.cause, answered.tokens)

    # --- within --------------------------------------------------------------------

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

    def _status(self, deployment: Deployment, worker: WorkerState | None) -> DeploymentStatus:
        chosen = deployment.plan.chosen
        return DeploymentStatus(
            name=deployment.name,
            version=deployment.artifact.version,
            kind=deployment.artifact.kind_of_answer,
            state=DeploymentState(worker.state) if worker else DeploymentState.FAILED,
            detail=worker.detail if worker else str(self._unstartable.get(deployment.name, "")),
            engine=chosen.label if chosen else "",
            worker_pid=worker.pid if worker else None,
            memory=worker.memory if worker else None,
            restarts=worker.restarts if worker else 0,
            planned_p50_seconds=deployment.planned_p50_seconds,
            traffic=self._telemetry.traffic(deployment.name),
            confinement=dict(worker.facts.confinement) if worker and worker.pid and worker.facts else {},
            last_words=worker.log[-LAST_WORDS:] if worker and worker.pid is None else (),
        )


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
