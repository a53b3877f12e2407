from dataclasses import replace

from appliance.console.caller import Task
from appliance.console.wizards import import_forms
from appliance.console.wizards.import_update import ImportUpdate, Step
from appliance.control.messages import Progress
from appliance.errors import Explanation
from tests.consoles.results import PREVIEW, REPORT, as_json


def previewed(preview: object = PREVIEW) -> ImportUpdate:
    wizard, _ = ImportUpdate().choose("look", "/media/usb0")
    assert wizard is not None
    return wizard.succeeded(as_json(preview))


def test_looking_changes_nothing_and_comes_first() -> None:
    wizard, task = ImportUpdate(found=("/media/usb0",)).choose("look", " /media/usb0 ")
    assert task == Task("update.inspect", {"medium": "/media/usb0", "allow_expired": True})
    assert wizard is not None
    assert wizard.step is Step.INSPECTING


def test_the_default_of_the_preview_is_to_change_nothing() -> None:
    choices = previewed().form().choices
    assert [c.id for c in choices if c.default] == ["close"]
    assert [c.id for c in choices if c.changes] == ["import"]


def test_an_approved_import_goes_on_to_its_result() -> None:
    wizard, task = previewed().choose("import")
    assert task == Task("update.import", {"medium": "/media/usb0", "allow_expired": False})
    assert wizard is not None
    wizard = wizard.progressed(Progress("copy", "Copying", 5, 10, "bytes", medium_needed=True))
    assert wizard.form().notice is not None
    assert "Leave" in wizard.form().notice.word  # type: ignore[union-attr]
    wizard = wizard.progressed(Progress("certify", "Certifying", medium_needed=False))
    assert "may be pulled" in wizard.form().notice.word  # type: ignore[union-attr]
    form = wizard.succeeded(as_json(REPORT)).form()
    assert form.heading.word == "Imported in part"


def test_nothing_can_be_imported_where_there_is_no_room() -> None:
    wizard = previewed(replace(PREVIEW, disk_free=1000))
    assert "import" not in {c.id for c in wizard.form().choices}
    assert wizard.choose("import") == (wizard, None)


def test_an_expired_medium_is_imported_only_with_the_override() -> None:
    wizard = previewed(replace(PREVIEW, expired=True))
    assert wizard.form().heading.word == "Signed, but expired"
    assert wizard.choose("import")[1] == Task(
        "update.import", {"medium": "/media/usb0", "allow_expired": True}
    )


def test_a_refused_medium_says_why_what_was_kept_and_what_to_do() -> None:
    wizard, _ = ImportUpdate().choose("look", "/media/usb0")
    assert wizard is not None
    error = Explanation(
        "medium.digest-mismatch", "blobs/x differs.", "Nothing was changed.", "Use another stick."
    )
    form = wizard.failed(error).form()
    assert form.text == ("blobs/x differs.",)
    assert [f.value for f in form.facts] == [
        "Nothing was changed.",
        "Use another stick.",
        "medium.digest-mismatch",
    ]


def test_the_bar_says_how_fast_and_how_long_where_that_is_known() -> None:
    slow = Progress(
        "copy", "blobs/sha256/ab", 1 << 30, 4 << 30, "bytes", rate=8.0 * 2**20, seconds_left=384.0
    )
    assert (
        import_forms.bar(slow).text == "blobs/sha256/ab: 1.00 GiB of 4.00 GiB, 8.00 MiB a second, 6 min left"
    )
    assert import_forms.bar(Progress("copy", "x", 1, 2, "bytes")).text == "x: 1 B of 2 B"
