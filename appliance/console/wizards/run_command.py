"""Any command of the table that needs no wizard of its own: ask for what it requires, confirm, run, tell."""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Self

from appliance.console.caller import Task
from appliance.console.commands import Argument, Command
from appliance.console.severity import Chip, Severity
from appliance.console.text import plain
from appliance.console.wizards.form import Choice, Fact, Field, Form
from appliance.console.wizards.import_forms import bar, explanation_facts
from appliance.console.wizards.outcome import outcome
from appliance.control.messages import Progress
from appliance.errors import Explanation


class Step(StrEnum):
    ASK = "ask"
    CONFIRM = "confirm"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


_CLOSE = Choice("close", "Close", "c", default=True)


@dataclass(frozen=True, slots=True)
class RunCommand:
    """One run of a command; `suggestions` are the names of what it may be about."""

    command: Command
    suggestions: tuple[str, ...] = ()
    given: dict[str, Any] = field(default_factory=dict)
    step: Step = Step.ASK
    progress: Progress | None = None
    result: Any = None
    error: Explanation | None = None

    @classmethod
    def begin(cls, command: Command, suggestions: tuple[str, ...] = ()) -> tuple[Self, Task | None]:
        """Start; a command that requires nothing and changes nothing runs at once."""
        return cls(command, suggestions)._go_on()

    def form(self) -> Form:
        match self.step:
            case Step.ASK:
                return self._asking()
            case Step.CONFIRM:
                return self._confirming()
            case Step.RUNNING:
                return Form(
                    title=self.command.title,
                    step="Running",
                    heading=Chip(Severity.NOTICE, "Working"),
                    text=self._subject(),
                    bar=bar(self.progress),
                    choices=(Choice("close", "Leave it running", "c", default=True),),
                )
            case Step.DONE:
                told = outcome(self.command.id, self.result)
                return Form(
                    title=self.command.title,
                    step="Done",
                    heading=told.heading,
                    text=told.text,
                    facts=told.facts,
                    table=told.table,
                    choices=(_CLOSE,),
                )
            case Step.FAILED:
                error = self.error or Explanation("internal", "The reason is not known.")
                return Form(
                    title=self.command.title,
                    step="Stopped",
                    heading=Chip(Severity.CRITICAL, "Not done"),
                    text=(plain(error.what),),
                    facts=explanation_facts(error),
                    choices=(_CLOSE, Choice("again", "Try again", "t", changes=self.command.changes)),
                )

    def choose(self, choice: str, text: str = "") -> tuple[Self | None, Task | None]:
        match self.step, choice:
            case Step.ASK, "next" if text.strip():
                missing = self._missing()
                given = self.given if missing is None else {**self.given, missing.name: text.strip()}
                return replace(self, given=given)._go_on()
            case (Step.CONFIRM, "run") | (Step.FAILED, "again"):
                return self._run()
            case _:
                return (None if choice == "close" else self), None

    def progressed(self, progress: Progress) -> Self:
        return replace(self, progress=progress)

    def succeeded(self, result: Any) -> Self:
        return replace(self, step=Step.DONE, result=result)

    def failed(self, error: Explanation) -> Self:
        return replace(self, step=Step.FAILED, error=error)

    def _go_on(self) -> tuple[Self, Task | None]:
        if self._missing() is not None:
            return replace(self, step=Step.ASK), None
        if self.command.changes:
            return replace(self, step=Step.CONFIRM), None
        return self._run()

    def _run(self) -> tuple[Self, Task]:
        return replace(self, step=Step.RUNNING, error=None, progress=None), Task(self.command.id, self.given)

    def _missing(self) -> Argument | None:
        return next((a for a in self.command.arguments if a.required and a.name not in self.given), None)

    def _asking(self) -> Form:
        missing = self._missing()
        suggestions = self.suggestions if missing is not None and missing.name == "name" else ()
        asked = "" if missing is None else missing.help[:1].upper() + missing.help[1:]
        return Form(
            title=self.command.title,
            step=self._question(),
            heading=Chip(Severity.NOTICE, self.command.title),
            text=(self.command.help,),
            field=Field(
                asked,
                value=suggestions[0] if suggestions else "",
                suggestions=suggestions,
                secret=missing is not None and missing.secret,
            ),
            choices=(Choice("next", "Go on", "g", default=True), Choice("close", "Cancel", "c")),
        )

    def _question(self) -> str:
        """Each question by its number, so that a console clears what was typed for the one before."""
        asked = [argument.name for argument in self.command.arguments if argument.required]
        number = sum(name in self.given for name in asked) + 1
        return "What about" if len(asked) < 2 else f"Question {number} of {len(asked)}"

    def _confirming(self) -> Form:
        severity = Severity.WARNING if self.command.destructive else Severity.NOTICE
        return Form(
            title=self.command.title,
            step="Are you sure",
            heading=Chip(severity, f"{self.command.title}?"),
            text=(self.command.help,),
            facts=tuple(
                Fact(name.capitalize(), plain(str(value), 120)) for name, value in self._shown().items()
            ),
            choices=(
                Choice("close", "No, change nothing", "n", default=True),
                Choice(
                    "run", f"Yes, {self.command.title[:1].lower()}{self.command.title[1:]}", "y", changes=True
                ),
            ),
        )

    def _subject(self) -> tuple[str, ...]:
        told = ", ".join(plain(str(value), 120) for value in self._shown().values())
        return (told,) if told else ()

    def _shown(self) -> dict[str, Any]:
        secret = {argument.name for argument in self.command.arguments if argument.secret}
        return {name: value for name, value in self.given.items() if name not in secret}
