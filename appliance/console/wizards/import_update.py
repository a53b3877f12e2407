"""Importing an update: choose the medium, see what it would change, approve, watch, pull the stick."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Self

import msgspec

from appliance.console.caller import Task
from appliance.console.wizards import import_forms as forms
from appliance.console.wizards import people_forms as people
from appliance.console.wizards.form import Form
from appliance.control.messages import Progress
from appliance.errors import Explanation
from appliance.policy_results import RequestDecided
from appliance.results import ImportReport, UpdatePreview


class Step(StrEnum):
    CHOOSE = "choose"
    INSPECTING = "inspecting"
    PREVIEW = "preview"
    NAME = "name"
    PASSWORD = "password"  # noqa: S105 - a step
    APPROVING = "approving"
    APPROVED = "approved"
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
    account: str = ""
    """Who imports or approves; their password is only ever in the task."""
    approving: bool = False
    decided: RequestDecided | None = None

    def form(self) -> Form:  # noqa: PLR0911 - one line a step
        match self:
            case ImportUpdate(step=Step.INSPECTING):
                return forms.inspecting(self.medium, self.progress)
            case ImportUpdate(step=Step.PREVIEW, preview=UpdatePreview() as preview):
                return forms.preview(preview)
            case ImportUpdate(step=Step.NAME, preview=UpdatePreview() as preview):
                return people.asking_name(forms.TITLE, preview, approving=self.approving)
            case ImportUpdate(step=Step.PASSWORD):
                return people.asking_password(forms.TITLE, self.account)
            case ImportUpdate(step=Step.APPROVING):
                return people.approving(forms.TITLE)
            case ImportUpdate(step=Step.APPROVED, decided=RequestDecided() as decided):
                return people.approved(forms.TITLE, decided)
            case ImportUpdate(step=Step.IMPORTING):
                return forms.importing(self.progress, medium_needed=self.medium_needed)
            case ImportUpdate(step=Step.DONE, report=ImportReport() as report):
                return forms.done(report)
            case ImportUpdate(step=Step.FAILED, error=Explanation() as error):
                return forms.failed(error, looking=self.preview is None)
            case _:
                return forms.choosing(self.found, self.medium)

    def choose(self, choice: str, text: str = "") -> tuple[Self | None, Task | None]:  # noqa: PLR0911 - as `form`
        match self.step, choice:
            case Step.CHOOSE, "look" if text.strip():
                return self._inspect(text.strip())
            case Step.PREVIEW, "import" if self.preview is not None and forms.open_to_anybody(self.preview):
                return self._import()
            case Step.PREVIEW, ("as" | "approve") if self.preview is not None and forms.importable(
                self.preview
            ):
                return replace(self, step=Step.NAME, approving=choice == "approve"), None
            case Step.NAME, "next" if text.strip():
                return replace(self, step=Step.PASSWORD, account=text.strip()), None
            case Step.PASSWORD, "next" if text:
                return self._approve(text) if self.approving else self._import(text)
            case ((Step.NAME | Step.PASSWORD), "back-to-preview"):
                return replace(self, step=Step.PREVIEW), None
            case ((Step.APPROVED | Step.FAILED), "look"):
                return self._inspect(self.medium)
            case Step.FAILED, "again":
                looks = self.preview is None or not forms.open_to_anybody(self.preview)
                return self._inspect(self.medium) if looks else self._import()
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
        if self.step is Step.APPROVING:
            return replace(self, step=Step.APPROVED, decided=msgspec.convert(result, RequestDecided))
        report = msgspec.convert(result, ImportReport)
        return replace(self, step=Step.DONE, report=report, medium_needed=False)

    def failed(self, error: Explanation) -> Self:
        return replace(self, step=Step.FAILED, error=error)

    def _inspect(self, medium: str) -> tuple[Self, Task]:
        state = replace(self, step=Step.INSPECTING, medium=medium, preview=None, error=None, progress=None)
        return state, Task("update.inspect", {"medium": medium, "allow_expired": True})

    def _import(self, password: str = "") -> tuple[Self, Task]:
        expired = self.preview is not None and self.preview.expired
        state = replace(self, step=Step.IMPORTING, error=None, progress=None, medium_needed=True)
        who = {"account": self.account, "password": password} if password else {}
        return state, Task("update.import", {"medium": self.medium, "allow_expired": expired, **who})

    def _approve(self, password: str) -> tuple[Self, Task]:
        request = "" if self.preview is None else self.preview.request
        who = {"account": self.account, "password": password}
        return replace(self, step=Step.APPROVING), Task("approvals.approve", {"request": request, **who})

    def with_media(self, media: tuple[str, ...]) -> Self:
        """While it still asks for the medium, with those that have come since."""
        known = tuple(dict.fromkeys((*self.found, *media)))
        return replace(self, found=known) if self.step is Step.CHOOSE and known != self.found else self
