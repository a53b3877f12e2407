"""The walls around workers, as `appliance status` tells of them."""

from collections.abc import Sequence

from appliance.status import DeploymentStatus
from runtimes.worker.sandbox import IN_FORCE


def walls_around_workers(deployments: Sequence[DeploymentStatus]) -> list[str]:
    """A line for each distinct set; names only where workers differ."""
    sets: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for deployment in deployments:
        if deployment.confinement:
            sets.setdefault(tuple(deployment.confinement.items()), []).append(deployment.name)
    return [
        (f"{', '.join(names)}: " if len(sets) > 1 else "") + _in_words(walls) for walls, names in sets.items()
    ]


def _in_words(walls: Sequence[tuple[str, str]]) -> str:
    """Those that stand, with what they are made of; then those that do not, together where the reason is the same."""
    standing: list[str] = []
    others: dict[str, list[str]] = {}
    for wall, state in walls:
        made_of = state.removeprefix(f"{IN_FORCE}: ")
        if state == IN_FORCE:
            standing.append(wall)
        elif made_of != state:
            standing.append(f"{wall} ({made_of})")
        else:
            others.setdefault(state, []).append(wall)
    lacking = (f"{', '.join(alike)}: {state}" for state, alike in others.items())
    return "; ".join([", ".join(standing) or "none", *lacking])
