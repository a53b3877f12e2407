"""What the import of an update shows where an account must stand behind it."""

from appliance.console.admitting import people_needed
from appliance.console.severity import Chip, Severity
from appliance.console.text import plain
from appliance.console.wizards.form import Choice, Fact, Field, Form
from appliance.policy_results import RequestDecided
from appliance.results import UpdatePreview

_CANCEL = Choice("back-to-preview", "Cancel", "c")


def asking_name(title: str, preview: UpdatePreview, *, approving: bool) -> Form:
    return Form(
        title=title,
        step="Step 2 of 4",
        heading=Chip(Severity.NOTICE, "Who approves it" if approving else "Who imports it"),
        text=(people_needed(preview) or plain(preview.refused),),
        field=Field("Name of the account"),
        choices=(Choice("next", "Go on", "g", default=True), _CANCEL),
    )


def asking_password(title: str, name: str) -> Form:
    return Form(
        title=title,
        step="Step 2 of 4",
        heading=Chip(Severity.NOTICE, f"Password of {plain(name, 60)}"),
        field=Field("Password", secret=True),
        choices=(Choice("next", "Go on", "g", default=True), _CANCEL),
    )


def approving(title: str) -> Form:
    return Form(
        title=title,
        step="Step 2 of 4",
        heading=Chip(Severity.NOTICE, "Asking the box"),
        notice=Chip(Severity.WARNING, "Leave the medium in"),
    )


def approved(title: str, decided: RequestDecided) -> Form:
    enough = decided.missing == 0
    told = "Enough people stand behind it." if enough else f"{decided.missing} more must approve it."
    return Form(
        title=title,
        step="Step 2 of 4",
        heading=Chip(Severity.OK if enough else Severity.NOTICE, "Approved"),
        text=(told,),
        facts=(
            Fact("What", plain(decided.request.subject)),
            Fact("Stand behind it", plain(", ".join(decided.request.behind), 200)),
        ),
        choices=(Choice("look", "Go on", "g", default=True), Choice("close", "Close", "c")),
    )
