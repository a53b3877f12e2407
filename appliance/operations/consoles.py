"""Open a console; it is found through the entry-point group `appliance.consoles`."""

from importlib.metadata import entry_points

from appliance.control.client import ControlSession
from appliance.errors import ApplianceError
from appliance.operations.context import LocalContext
from appliance.results import ConsoleClosed

ENTRY_POINT_GROUP = "appliance.consoles"


def tui(context: LocalContext) -> ConsoleClosed:
    return _open("tui", context)


def gui(context: LocalContext) -> ConsoleClosed:
    return _open("gui", context)


def _open(name: str, context: LocalContext) -> ConsoleClosed:
    found = entry_points(group=ENTRY_POINT_GROUP, name=name)
    if not found:
        raise ApplianceError(
            "console.missing",
            f"The {name} console is not installed on this box.",
            remedy="Install its package, or use the other console.",
        )
    run = next(iter(found)).load()
    return ConsoleClosed(run(ControlSession(context.state), state_dir=str(context.state.root)))
