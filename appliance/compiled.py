"""The box's compiled models: what is kept of them, and when they go."""

from appliance.box import Box
from appliance.registry import Artifact
from runtimes.hardware.profile import HardwareProfile
from runtimes.packs import installed_packs, versions_of_packs
from runtimes.packs.compiled import CompiledKey, driver_of, sweep


def sweep_stale(box: Box, hardware: HardwareProfile) -> int:
    """Remove those of models, engines or drivers that are no longer here; bytes that were freed."""
    models = box.registry.blobs()
    packs = (*installed_packs(box.state.packs), *versions_of_packs(box.state.packs))
    engines = {(pack.title, pack.version) for pack in packs}

    def fits(key: CompiledKey) -> bool:
        here = key.model in models and (key.pack, key.version) in engines
        return here and key.driver == driver_of(key.device, hardware)

    return sweep(box.state.compiled, fits)


def sweep_undeployed(box: Box, artifact: Artifact) -> int:
    """Remove those of a model unless a deployment has it; bytes that were freed."""
    deployed = {file.digest for d in box.registry.deployments() for file in d.artifact.files}
    gone = {file.digest for file in artifact.files} - deployed
    return sweep(box.state.compiled, lambda key: key.model not in gone)
