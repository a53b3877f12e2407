"""What one console has before it: the box's state, and the wizard that somebody is in. No widgets.

A console owns one `Desk`, gives it a way to run something on the thread that paints, and draws what
`home` and `form` say whenever `changed` is called.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import msgspec

from appliance.console.caller import Caller, Task
from appliance.console.commands import Command, Where
from appliance.console.live import Live, Pace
from appliance.console.media import media_with_updates
from appliance.console.session import Session
from appliance.console.views import HomeView, home_view
from appliance.console.wizards.form import Form, Wizard
from appliance.console.wizards.import_update import ImportUpdate
from appliance.console.wizards.run_command import RunCommand
from appliance.control.messages import Progress
from appliance.errors import Explanation

Post = Callable[[Callable[[], None]], None]
"""Runs a function soon on the thread that paints; called from any thread."""


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Offer:
    """A command as a console offers it now."""

    command: Command
    refused: str
    """Why it is not possible here and now; empty where it is."""


class Desk:
    """Call everything here from the thread that paints."""

    def __init__(
        self,
        session: Session,
        table: Sequence[Command],
        *,
        post: Post,
        changed: Callable[[], None],
        pace: Pace | None = None,
        find_media: Callable[[], tuple[str, ...]] = media_with_updates,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._table = table
        self._post = post
        self._changed = changed
        self._find_media = find_media
        self._now = now
        self._live = Live(session, lambda: post(changed), pace=pace)
        self._caller = Caller(session)
        self._wizards: dict[str, Wizard] = {}
        """By command id: the one that is open, and those left while their task runs."""
        self._busy: set[str] = set()
        self._open: str | None = None

    def start(self) -> None:
        self._live.start()

    def stop(self) -> None:
        """Close the session and end the threads."""
        self._live.stop()
        self._caller.join()

    def home(self) -> HomeView:
        return home_view(self._live.report, self._now(), self._live.link())

    @property
    def live(self) -> bool:
        return self._live.link().live

    @property
    def heard(self) -> bool:
        """Whether the box ever told how it is."""
        return self._live.report is not None

    def offers(self) -> tuple[Offer, ...]:
        """Every command of the table, with the reason where it cannot be given now."""
        return tuple(Offer(command, self._refusal(command)) for command in self._table)

    def form(self) -> Form | None:
        """What the open wizard shows; None where none is open."""
        if self._open is None:
            return None
        wizard = self._wizards[self._open]
        report = self._live.report
        return (
            wizard.with_media(report.media) if isinstance(wizard, ImportUpdate) and report else wizard
        ).form()

    def background(self) -> Form | None:
        """What a wizard shows that was left while its task runs."""
        left = next((w for key, w in self._wizards.items() if key != self._open), None)
        return left.form() if left else None

    def open(self, command: Command) -> None:
        """Begin a command, or come back to it where it still runs. Does nothing for one that is refused."""
        if self._refusal(command):
            return
        self._open = command.id
        if command.id in self._wizards:
            self._changed()
        elif command.id == "update.import":
            self._show(command.id, ImportUpdate(), None)
            self._caller.run(self._find_media, lambda found: self._post(lambda: self._media_found(found)))
        else:
            self._show(command.id, *RunCommand.begin(command, self._known_models()))

    def choose(self, choice: str, text: str = "") -> None:
        """Press a button of the open form; `text` is what stands in its field."""
        if self._open:
            self._show(self._open, *self._wizards[self._open].choose(choice, text))

    def retry(self) -> None:
        """Ask the daemon again without waiting for the next attempt."""
        self._live.hurry()

    def _show(self, key: str, wizard: Wizard | None, task: Task | None) -> None:
        if wizard is not None:
            self._wizards[key] = wizard
        else:
            self._open = None
            if key not in self._busy:
                del self._wizards[key]
        if task is not None:
            self._start(key, task)
        self._changed()

    def _start(self, key: str, task: Task) -> None:
        self._busy.add(key)
        self._caller.start(
            task,
            on_progress=lambda progress: self._post(lambda: self._progressed(key, progress)),
            on_result=lambda result: self._post(lambda: self._ended(key, lambda w: _told(w, result))),
            on_failure=lambda error: self._post(lambda: self._ended(key, lambda w: w.failed(error))),
        )

    def _progressed(self, key: str, progress: Progress) -> None:
        self._wizards[key] = self._wizards[key].progressed(progress)
        self._changed()

    def _ended(self, key: str, step: Callable[[Wizard], Wizard]) -> None:
        self._busy.discard(key)
        self._wizards[key] = step(self._wizards[key])
        if self._open is None:
            self._open = key  # its result is news to whoever left it running
        self._live.hurry()
        self._changed()

    def _media_found(self, found: tuple[str, ...]) -> None:
        wizard = self._wizards.get("update.import")
        if isinstance(wizard, ImportUpdate) and found:
            self._wizards["update.import"] = replace(wizard, found=found)
            self._changed()

    def _known_models(self) -> tuple[str, ...]:
        """Names that a command about a model is likely to mean: the deployed ones, and the last imported ones."""
        report = self._live.report
        if report is None:
            return ()
        imported = report.last_update.artifacts if report.last_update else ()
        names = [d.name for d in report.deployments] + [a.split(" ", maxsplit=1)[0] for a in imported]
        return tuple(dict.fromkeys(names))

    def _refusal(self, command: Command) -> str:
        if command.where is Where.HERE:
            return f"on the command line: appliance {command.id.replace('.', ' ')}"
        if not self.live:
            return "the daemon does not answer"
        return ""


def _told(wizard: Wizard, result: Any) -> Wizard:
    try:
        return wizard.succeeded(result)
    except (
        msgspec.ValidationError
    ) as error:  # a daemon of another release: say so, and leave no wizard waiting
        return wizard.failed(
            Explanation(
                "control.result",
                f"The daemon's answer is not understood: {error}.",
                kept="The command itself was carried out.",
                remedy="Use a console of the daemon's own release.",
            )
        )
