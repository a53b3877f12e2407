"""`appliance serve`: run the daemon in the foreground."""

import asyncio
import sys
import time

from appliance.box import Box
from appliance.daemon import Daemon
from appliance.kinds.runtimes import follow_registry
from appliance.operations.context import LocalContext
from appliance.results import Served


def serve(context: LocalContext, *, host: str, port: int) -> Served:
    start = time.monotonic()
    with Box.open(context.state, writing=True) as box:
        with box.change(context.actor, "serve") as change:
            change.note(box.name, details={"host": host, "port": port})
        box.sign_checkpoint()
        follow_registry(box)
        try:
            asyncio.run(_serve(box, host, port, quiet=context.json))
        except Exception as error:
            box.note_failure(context.actor, "serve", error, subject=box.name)
            raise
        finally:
            box.sign_checkpoint()
    return Served(time.monotonic() - start)


async def _serve(box: Box, host: str, port: int, *, quiet: bool) -> None:
    def ready(endpoints: tuple[str, ...]) -> None:
        if not quiet:
            sys.stderr.write(f"{box.name} answers on {', '.join(endpoints)}; Ctrl-C stops it\n")

    await Daemon(box, host=host, port=port).run(ready)
