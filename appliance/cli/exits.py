"""Exit codes, from the first word of a cause code. `docs/cli.md` lists them."""

OK = 0
FAILED = 1
USAGE = 2
INTERRUPTED = 130

BY_CAUSE = {
    "state": 3,
    "daemon": 3,
    "control": 3,
    "trust": 4,
    "medium": 5,
    "depot": 5,
    "model": 6,
    "golden": 6,
    "certify": 6,
    "plan": 6,
    "artifact": 6,
    "rollback": 6,
    "soak": 6,
    "release": 6,
    "image": 6,
    "worker": 7,
    "pack": 7,
    "device": 7,
    "deployment": 7,
    "gateway": 8,
    "request": 8,
    "disk": 9,
    "permission": 10,
    "account": 10,
    "policy": 12,
    "approval": 12,
    "audit": 11,
    "internal": 70,
}


def exit_code(cause: str) -> int:
    """The exit code of a cause code such as `trust.rollback`."""
    return BY_CAUSE.get(cause.partition(".")[0], FAILED)
