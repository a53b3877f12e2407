"""Models: certified by their golden samples; where one is deployed already, measured again and switched to."""

from appliance.box import Change, timestamp
from appliance.certifying import certify, check_content
from appliance.deploying import REPLAN_SECONDS, prepare
from appliance.kinds.kind import Arrival, Prepared, record
from appliance.operations.context import BoxContext, Staged
from appliance.registry import Artifact, Deployment, ModelConfig
from appliance.soak.observed import Observed
from appliance.soak.steps import activate as begin_soak
from updates.models import ModelFacts, model_contents
from updates.transfer import Received


class Models:
    """The kind `model`."""

    def check(self, arrival: Arrival, received: Received) -> Artifact:  # noqa: ARG002 - a model fits every box
        facts = model_contents(received.manifest, received.artifact.manifest_file).facts
        return record(
            received, timestamp(), licence=facts.licence, format=facts.format, config=_config(facts)
        )

    async def certify(self, arrival: Arrival, artifact: Artifact) -> Prepared:
        box = arrival.context.box
        await check_content(box, artifact)
        if box.registry.deployment(artifact.name) is None:
            return Prepared(artifact, await certify(box, artifact, arrival.packs))
        prepared = await prepare(
            box,
            artifact,
            budget_seconds=REPLAN_SECONDS,
            packs=arrival.packs,
            on_progress=lambda progress: arrival.report("measure", progress.text),
        )
        return PreparedModel(arrival.context, artifact, prepared.deployment)


class PreparedModel(Prepared):
    """A version of a model that is deployed."""

    def __init__(self, context: BoxContext, artifact: Artifact, deployment: Deployment) -> None:
        chosen = deployment.plan.chosen
        super().__init__(artifact, chosen.reason if chosen else "")
        self.deployment: Deployment = deployment
        self._context = context
        self._staged: Staged | None = None

    async def stage(self) -> None:
        if self._context.services is not None:
            self._staged = await self._context.services.stage(self.deployment)

    def activate(self, change: Change) -> None:
        services = self._context.services
        before = services.seen(self.deployment.name) if services is not None else Observed()
        begin_soak(self._context.box, change, self.deployment, before)

    async def settle(self) -> None:
        if self._staged is not None:
            await self._staged.switch()

    async def undo(self) -> None:
        if self._staged is not None:
            await self._staged.discard()


def _config(facts: ModelFacts) -> ModelConfig:
    milliseconds, mebibytes = facts.latency_objective_ms, facts.memory_limit_mib
    return ModelConfig(
        facts.objective,
        None if milliseconds is None else milliseconds / 1000,
        None if mebibytes is None else round(mebibytes * 2**20),
    )


MODEL = Models()
