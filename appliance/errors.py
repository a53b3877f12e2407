"""Errors of the appliance, and how any error of the house is told to a person."""

from dataclasses import dataclass

from runtimes.errors import EngineError
from updates.errors import UpdateError


class ApplianceError(Exception):
    """A command could not be carried out.

    Attributes:
        code: a stable cause code, dotted and lower case, such as `state.missing`.
        what: what happened, one sentence.
        kept: what was left as it was.
        remedy: what the reader can do now.
    """

    def __init__(self, code: str, what: str, *, kept: str = "", remedy: str = "") -> None:
        super().__init__(what)
        self.code = code
        self.what = what
        self.kept = kept
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Explanation:
    """An error as every screen and the CLI show it."""

    code: str
    what: str
    kept: str = ""
    remedy: str = ""


HOUSE_ERRORS = (ApplianceError, EngineError, UpdateError)


def explain(error: BaseException) -> Explanation:
    """Tell any exception as an Explanation; one that the house did not raise is `internal`."""
    if isinstance(error, HOUSE_ERRORS):
        return Explanation(error.code, error.what, error.kept, error.remedy)
    if isinstance(error, OSError) and error.strerror:
        where = f": {error.filename}" if error.filename else ""
        code = {28: "disk.full", 13: "permission.denied", 5: "medium.unreadable"}.get(
            error.errno or 0, "system.error"
        )
        return Explanation(code, f"{error.strerror}{where}.")
    return Explanation(
        "internal",
        f"{type(error).__name__}: {error}",
        remedy="This is a fault in the appliance; please report it with the output of --json.",
    )
