"""Importing an update: choose the medium, see what it would change, approve, watch, pull the stick."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Self

import msgspec

from appliance.console.caller import Task
from appliance.console.wizards import import_forms as forms
from appliance.console.wizards.form import Form
from appliance.control.messages import Progress
from appliance.errors import Explanation
from appliance.results import ImportReport, UpdatePreview


class Step(StrEnum):
    CHOOSE = "choose"
    INSPECTING = "inspecting"
    PREVIEW = "preview"
    IMPORTING = "importing"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ImportUpdate:
    """One import, from the question for the medium to its result."""

    found: tuple[str, ...] = ()
    """Mount points that carry an update."""
    step: Step = Step.CHOOSE
    medium: str = ""
    preview: UpdatePreview | None = None
    progress: Progress | None = None
    medium_needed: bool = True
    report: ImportReport | None = None
    error: Explanation | None = None

    def form(self) -> Form:
        match self:
            case ImportUpdate(step=Step.INSPECTING):
                return forms.inspecting(self.medium, self.progress)
            case ImportUpdate(step=Step.PREVIEW, preview=UpdatePreview() as preview):
                return forms.preview(preview)
            case ImportUpdate(step=Step.IMPORTING):
                return forms.importing(self.progress, medium_needed=self.medium_needed)
            case ImportUpdate(step=Step.DONE, report=ImportReport() as report):
                return forms.done(report)
            case ImportUpdate(step=Step.FAILED, error=Explanation() as error):
                return forms.failed(error, looking=self.preview is None)
            case _:
                return forms.choosing(self.found, self.medium)

    def choose(self, choice: str, text: str = "") -> tuple[Self | None, Task | None]:
        match self.step, choice:
            case Step.CHOOSE, "look" if text.strip():
                return self._inspect(text.strip())
            case Step.PREVIEW, "import" if self.preview is not None and forms.importable(self.preview):
                return self._import()
            case Step.FAILED, "again":
                return self._inspect(self.medium) if self.preview is None else self._import()
            case ((Step.PREVIEW | Step.FAILED), "back"):
                return type(self)(self.found, medium=self.medium), None
            case _:
                return (None if choice == "close" else self), None

    def progressed(self, progress: Progress) -> Self:
        needed = self.medium_needed if progress.medium_needed is None else progress.medium_needed
        return replace(self, progress=progress, medium_needed=needed)

    def succeeded(self, result: Any) -> Self:
        if self.step is Step.INSPECTING:
            return replace(
                self, step=Step.PREVIEW, preview=msgspec.convert(result, UpdatePreview), progress=None
            )
        report = msgspec.convert(result, ImportReport)
        return replace(self, step=Step.DONE, report=report, medium_needed=False)

    def failed(self, error: Explanation) -> Self:
        return replace(self, step=Step.FAILED, error=error)

    def _inspect(self, medium: str) -> tuple[Self, Task]:
        state = replace(self, step=Step.INSPECTING, medium=medium, preview=None, error=None, progress=None)
        return state, Task("update.inspect", {"medium": medium, "allow_expired": True})

    def _import(self) -> tuple[Self, Task]:
        expired = self.preview is not None and self.preview.expired
        state = replace(self, step=Step.IMPORTING, error=None, progress=None, medium_needed=True)
        return state, Task("update.import", {"medium": self.medium, "allow_expired": expired})
