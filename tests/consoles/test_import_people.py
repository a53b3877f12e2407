"""The import wizard where one person is not enough: the second one on the same console, or on another."""

from dataclasses import replace

from appliance.console.caller import Task
from appliance.console.commands import Argument, Command
from appliance.console.wizards.import_update import ImportUpdate, Step
from appliance.console.wizards.run_command import RunCommand
from appliance.errors import Explanation
from appliance.policy_results import RequestDecided, RequestRow
from appliance.results import UpdatePreview
from tests.consoles.results import PREVIEW, as_json

TWO = replace(PREVIEW, people=2, approvers=("admin",))
ASKED = replace(TWO, request="abc234", behind=("tina",))
SECRET = "a long secret of anna"


def previewed(preview: UpdatePreview) -> ImportUpdate:
    wizard, _ = ImportUpdate().choose("look", "/media/usb0")
    assert wizard is not None
    return wizard.succeeded(as_json(preview))


def press(wizard: ImportUpdate, *presses: tuple[str, str]) -> tuple[ImportUpdate, Task | None]:
    task = None
    for choice, text in presses:
        pressed, task = wizard.choose(choice, text)
        assert pressed is not None
        wizard = pressed
    return wizard, task


def test_a_preview_says_who_else_is_needed_and_offers_no_import_without_them() -> None:
    form = previewed(TWO).form()
    assert form.heading.word == "Needs more than one person"
    assert "nobody yet so far" in form.text[0]
    assert {c.id for c in form.choices} == {"close", "as", "back"}
    assert previewed(TWO).choose("import") == (previewed(TWO), None)


def test_an_account_asks_and_waits() -> None:
    wizard, task = press(previewed(TWO), ("as", ""), ("next", "tina"), ("next", SECRET))
    who = {"account": "tina", "password": SECRET}
    assert task == Task("update.import", {"medium": "/media/usb0", "allow_expired": False, **who})
    assert SECRET not in repr(wizard)
    waits = wizard.failed(Explanation("approval.needed", "2 people must stand behind this."))
    assert waits.form().heading.word == "Waits for another person"
    assert waits.choose("look")[1] == Task("update.inspect", {"medium": "/media/usb0", "allow_expired": True})


def test_the_second_person_approves_on_the_same_console_and_then_it_is_imported() -> None:
    wizard, _ = press(previewed(ASKED), ("approve", ""), ("next", "anna"))
    field = wizard.form().field
    assert field is not None
    assert field.secret
    wizard, task = press(wizard, ("next", SECRET))
    assert task == Task("approvals.approve", {"request": "abc234", "account": "anna", "password": SECRET})
    row = RequestRow(
        *("abc234", "update.import", "import model x", "0" * 64, "approved", 2, ("tina", "anna")),
        *(("admin",), "tina", "", "", ""),
    )
    wizard = wizard.succeeded(as_json(RequestDecided(row, 0)))
    assert wizard.step is Step.APPROVED
    assert "Enough people" in wizard.form().text[0]
    wizard, _ = press(wizard, ("look", ""))
    ready = wizard.succeeded(as_json(replace(ASKED, behind=("tina", "anna"))))
    assert "import" in {c.id for c in ready.form().choices}


def test_whoever_may_not_import_is_told_and_may_say_who_they_are() -> None:
    form = previewed(replace(PREVIEW, refused="Only admin may import a model.")).form()
    assert form.heading.word == "Not for everybody"
    assert {c.id for c in form.choices} == {"close", "as", "back"}


def test_what_the_policy_refuses_is_shown_and_does_not_count() -> None:
    old = tuple(replace(a, refused="It must be 2.0 or newer.") for a in PREVIEW.artifacts)
    form = previewed(replace(PREVIEW, artifacts=old)).form()
    assert form.heading.word == "Nothing new"
    assert "must be 2.0" in " ".join(fact.value for fact in form.facts)


def test_media_that_come_while_the_wizard_asks_are_offered() -> None:
    wizard = ImportUpdate().with_media(("/media/usb0",))
    field = wizard.form().field
    assert field is not None
    assert field.value == "/media/usb0"
    assert previewed(PREVIEW).with_media(("/media/usb1",)) == previewed(PREVIEW)


def test_a_secret_is_typed_unseen_and_never_shown_again() -> None:
    arguments = (
        Argument("name", "the name", positional=True, required=True),
        Argument("password", "the password", secret=True, required=True),
    )
    wizard, _ = RunCommand.begin(Command("x.y", "Do", "Do it.", arguments, changes=True))
    assert wizard.form().step == "Question 1 of 2"
    named, _ = wizard.choose("next", "anna")
    assert named is not None
    field = named.form().field
    assert field is not None
    assert field.secret
    confirming, _ = named.choose("next", SECRET)
    assert confirming is not None
    assert SECRET not in repr(confirming.form())
    running, task = confirming.choose("run")
    assert task == Task("x.y", {"name": "anna", "password": SECRET})
    assert running is not None
    assert SECRET not in repr(running.form())
