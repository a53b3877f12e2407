"""Does a stored plan still hold, or has something changed under it?"""

from collections.abc import Mapping

from runtimes.hardware.profile import HardwareProfile
from runtimes.selection.plan import Plan


def is_stale(
    plan: Plan, model_digest: str, hardware: HardwareProfile, engines: Mapping[str, str]
) -> str | None:
    """Why the plan must be measured again; None where it still holds.

    Args:
        engines: as `Plan.engines`, of all that are installed now.
    """
    if plan.model_digest != model_digest:
        return "The model is another one."
    if plan.hardware != hardware.fingerprint:
        return "The processor, an accelerator or a driver changed."
    for engine in sorted({*plan.engines, *engines}):
        before, now = plan.engines.get(engine), engines.get(engine)
        if before is None:
            return f"The engine {engine} {now} is new here."
        if now is None:
            return f"The engine {engine} is gone."
        if before != now:
            return f"The engine {engine} is now {now}; the plan was measured with {before}."
    return None
