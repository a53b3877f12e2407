"""What `appliance status` says of the walls around workers."""

from dataclasses import replace

from rich.console import Console

from appliance.cli.tables import readable
from tests.consoles.reports import FULL

WALLS = {"no network": "in force", "no core dumps": "in force", "memory limit": "not asked for"}


def lines(*confinements: dict[str, str]) -> list[str]:
    deployments = tuple(
        replace(deployment, confinement=confinement)
        for deployment, confinement in zip(FULL.deployments, confinements, strict=True)
    )
    console = Console(width=300)
    with console.capture() as captured:
        for part in readable(replace(FULL, deployments=deployments)):
            console.print(part)
    label = "walls around workers"
    return [
        line.removeprefix(label).strip() for line in captured.get().splitlines() if line.startswith(label)
    ]


def test_workers_behind_the_same_walls_share_one_line() -> None:
    assert lines(WALLS, WALLS, WALLS) == ["no network, no core dumps; memory limit: not asked for"]


def test_a_wall_that_does_not_stand_is_told_for_the_workers_without_it() -> None:
    open_to_all = WALLS | {"no network": "not in force: Operation not permitted (EPERM)"}
    first, second, third = (deployment.name for deployment in FULL.deployments)
    refused, limit = (
        "no network: not in force: Operation not permitted (EPERM)",
        "memory limit: not asked for",
    )
    assert lines(WALLS, open_to_all, WALLS) == [
        f"{first}, {third}: no network, no core dumps; {limit}",
        f"{second}: no core dumps; {refused}; {limit}",
    ]


def test_what_a_wall_is_made_of_is_told() -> None:
    walls = WALLS | {"no network": "in force: seccomp; no network namespace: Operation not permitted (EPERM)"}
    told = "no network (seccomp; no network namespace: Operation not permitted (EPERM)), no core dumps"
    assert lines(walls, walls, walls) == [f"{told}; memory limit: not asked for"]


def test_walls_that_lack_for_the_same_reason_share_it() -> None:
    reason = "not in force: no control group is delegated to the daemon"
    limits = {"no core dumps": "in force", "CPU limit": reason, "thread limit": reason}
    assert lines(limits, limits, limits) == [f"no core dumps; CPU limit, thread limit: {reason}"]


def test_the_last_words_of_a_dead_worker_are_told() -> None:
    first, *others = FULL.deployments
    dead = replace(first, last_words=("GGML_ASSERT(eps >= 0.0f) failed", "[1mAborted"))
    console = Console(width=300)
    with console.capture() as captured:
        for part in readable(replace(FULL, deployments=(dead, *others))):
            console.print(part)
    told = captured.get()
    assert f"last words of {first.name}:\n  GGML_ASSERT(eps >= 0.0f) failed\n" in told
    assert "Aborted" in told


def test_without_workers_there_is_no_line() -> None:
    assert lines({}, {}, {}) == []
