"""An import that is cancelled leaves no trace but its audit entry."""

import asyncio
from pathlib import Path

import pytest

from appliance.actor import Actor
from appliance.box import Box
from appliance.console.table import BY_ID
from appliance.control.messages import Progress
from appliance.operations.carrying import carry_out
from appliance.operations.context import BoxContext
from appliance.state import StateFolder
from tests.appliance.cli import Cli
from updates.errors import UpdateError

IMPORT = BY_ID["update.import"]


def files(box: Cli) -> set[str]:
    return {file.name for file in (box.state / "blobs").rglob("*") if file.is_file()}


@pytest.mark.parametrize("phase", ["copy", "certify"])
@pytest.mark.parametrize("how", ["command", "interrupt"])
def test_a_cancelled_import_leaves_only_its_audit_entry(box: Cli, medium: Path, phase: str, how: str) -> None:
    async def run() -> None:
        with Box.open(StateFolder.at(box.state), writing=True) as opened:
            loop, task = asyncio.get_running_loop(), asyncio.current_task()
            assert task is not None

            def on_progress(progress: Progress) -> None:
                if progress.phase == phase and how == "command":
                    assert opened.cancellation.ask()
                elif progress.phase == phase:
                    opened.cancellation.ask()
                    loop.call_soon_threadsafe(task.cancel)

            context = BoxContext(opened, Actor("anna", "admin"), on_progress)
            await carry_out(IMPORT, {"medium": str(medium)}, context)

    with pytest.raises(UpdateError) as caught:
        asyncio.run(run())
    assert caught.value.code == "import.cancelled"
    assert files(box) == set()
    assert box.ok("models")["models"] == []
    (entry,) = [entry for entry in box.audit() if entry["action"] == "update.import"]
    assert (entry["outcome"], entry["code"]) == ("failed", "import.cancelled")
    box.ok("update", "import", str(medium))


def test_cancelling_where_no_import_runs_says_so(box: Cli) -> None:
    assert box.ok("update", "cancel") == {"running": False}
