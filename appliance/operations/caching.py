"""Compiled models: list and clear."""

import asyncio

from appliance.operations.context import BoxContext
from appliance.results import CacheCleared, CacheList, CacheRow
from runtimes.packs.compiled import clear as clear_compiled
from runtimes.packs.compiled import compiled_models


async def list_cache(context: BoxContext) -> CacheList:
    found = await asyncio.to_thread(compiled_models, context.box.state.compiled)
    names = {
        file.digest: f"{artifact.name} {artifact.version}"
        for artifact in context.box.registry.artifacts()
        for file in artifact.files
    }
    rows = (
        CacheRow(
            names.get(one.key.model),
            one.key.model,
            one.key.pack,
            one.key.version,
            one.key.device,
            one.key.driver,
            one.size,
        )
        for one in found
    )
    return CacheList(tuple(rows))


async def clear(context: BoxContext) -> CacheCleared:
    """Deployments go on serving: what they loaded is in memory, and the next load compiles again."""
    folder = context.box.state.compiled
    found = await asyncio.to_thread(compiled_models, folder)
    freed = await asyncio.to_thread(clear_compiled, folder)
    with context.box.change(context.actor, "cache.clear") as change:
        change.note(context.box.name, details={"bytes": freed, "compiled_models": len(found)})
    return CacheCleared(len(found), freed)
