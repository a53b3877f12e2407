"""`appliance serve`: run the daemon in the foreground."""

import asyncio
import sys
import time

from appliance.box import Box
from appliance.daemon import Daemon
from appliance.errors import explain
from appliance.kinds.runtimes import follow_registry
from appliance.kinds.software import serving
from appliance.kinds.system import retire_interrupted
from appliance.operations.context import LocalContext
from appliance.release import VERSION
from appliance.releases.folder import Releases
from appliance.releases.trial import Trial, begin, pending, restore_database, settle
from appliance.results import Served


def serve(context: LocalContext, *, host: str, port: int) -> Served:
    start = time.monotonic()
    trial = Trial.of(Releases(context.state.releases))
    try:
        restart = _run(context, host, port)
    except Exception as error:
        if trial is not None and trial.is_running:
            trial.give_up(explain(error).what)
        raise
    return Served(time.monotonic() - start, restart)


def _run(context: LocalContext, host: str, port: int) -> bool:
    """Whether it wants to be started again."""
    aside = restore_database(context.state)
    with Box.open(context.state, writing=True) as box:
        trial = settle(box, aside)
        newer = pending(box)
        if newer is not None:
            begin(Releases(context.state.releases), newer, serving(box, None))
            return True
        with box.change(context.actor, "serve") as change:
            change.note(box.name, details={"host": host, "port": port, "release": VERSION})
        box.sign_checkpoint()
        retire_interrupted(box)
        follow_registry(box)
        try:
            return asyncio.run(_serve(box, host, port, trial, quiet=context.json))
        except Exception as error:
            box.note_failure(context.actor, "serve", error, subject=box.name)
            raise
        finally:
            box.sign_checkpoint()


async def _serve(box: Box, host: str, port: int, trial: Trial | None, *, quiet: bool) -> bool:
    def ready(endpoints: tuple[str, ...]) -> None:
        if not quiet:
            sys.stderr.write(f"{box.name} answers on {', '.join(endpoints)}; Ctrl-C stops it\n")

    return await Daemon(box, host=host, port=port, trial=trial).run(ready)
