"""What the import of an update shows at each step."""

from appliance.console import formats
from appliance.console.admitting import approved, people_needed
from appliance.console.severity import Chip, Severity
from appliance.console.text import plain
from appliance.console.wizards.form import Bar, Choice, Fact, Field, Form, Table
from appliance.control.messages import Progress
from appliance.errors import Explanation
from appliance.results import ArtifactPreview, ImportReport, UpdatePreview

TITLE = "Import an update"
_CLOSE = Choice("close", "Close", "c", default=True)
_BACK = Choice("back", "Another", "o")


def choosing(found: tuple[str, ...], medium: str) -> Form:
    heading = Chip(Severity.NOTICE, "Insert the medium")
    text = "No medium with an update was found. Insert it, or type where it is mounted."
    if found:
        heading = Chip(Severity.OK, "Medium found" if len(found) == 1 else f"{len(found)} media found")
        text = "Look at it first; looking changes nothing."
    return Form(
        title=TITLE,
        step="Step 1 of 4",
        heading=heading,
        text=(text,),
        field=Field(
            "Mount point or folder of the medium",
            value=medium or (found[0] if found else ""),
            hint="/media/usb0",
            suggestions=found,
        ),
        choices=(Choice("look", "Look at it", "l", default=True), Choice("close", "Cancel", "c")),
    )


def inspecting(medium: str, progress: Progress | None) -> Form:
    return Form(
        title=TITLE,
        step="Step 1 of 4",
        heading=Chip(Severity.NOTICE, "Looking at the medium"),
        text=(plain(medium),),
        notice=Chip(Severity.WARNING, "Leave the medium in"),
        bar=bar(progress),
    )


_CHANGES = {"new": "new", "newer": "newer", "present": "present already", "older": "older: refused"}


def preview(preview: UpdatePreview) -> Form:
    changes = _changes(preview)
    rows = tuple(
        (
            plain(a.name, 60),
            plain(a.version, 30),
            _change(a),
            formats.size(a.size),
            plain(a.summary, 160),
        )
        for a in preview.artifacts
    )
    heading, text = _judgement(preview, len(changes))
    cancel = Choice("close", "No, change nothing", "n", default=True)
    return Form(
        title=TITLE,
        step="Step 2 of 4",
        heading=heading,
        text=(text,),
        facts=_facts(preview),
        table=Table(("Name", "Version", "Change", "Size", "Summary"), rows, right=("Size",)),
        choices=(cancel, *_ways_in(preview), _BACK) if importable(preview) else (_CLOSE, _BACK),
    )


def _ways_in(preview: UpdatePreview) -> tuple[Choice, ...]:
    """How it may be imported: at once, as an account, or once somebody has approved it."""
    if preview.refused or not approved(preview):
        as_somebody = Choice("as", "Import as an account", "a", changes=True)
        vote = (Choice("approve", "Approve it", "p", changes=True),) if preview.request else ()
        return (as_somebody, *vote)
    return (Choice("import", "Yes, import", "y", changes=True),)


def importable(preview: UpdatePreview) -> bool:
    """Whether there is something to import, and room for it."""
    return bool(_changes(preview)) and preview.size <= preview.disk_free


def open_to_anybody(preview: UpdatePreview) -> bool:
    """Whether nobody else is needed any more, and whoever is here may."""
    return importable(preview) and not preview.refused and approved(preview)


def _judgement(preview: UpdatePreview, changes: int) -> tuple[Chip, str]:  # noqa: PLR0911 - one line a judgement
    if not preview.artifacts:
        return Chip(Severity.NOTICE, "Nothing on it"), "The medium carries no artifact for this box."
    if not changes:
        return Chip(Severity.OK, "Nothing new"), "The box has everything that is on this medium."
    if preview.size > preview.disk_free:
        short = formats.size(preview.size - preview.disk_free)
        return Chip(Severity.CRITICAL, "Too large"), f"The disk lacks {short}. Make room, then look again."
    if preview.expired:
        return (
            Chip(Severity.WARNING, "Signed, but expired"),
            (
                f"The signatures hold, but the metadata expired on {_date(preview.expires)}. "
                "Importing it all the same is your decision and will stand in the audit log."
            ),
        )
    if preview.refused:
        return Chip(Severity.WARNING, "Not for everybody"), plain(preview.refused)
    if not approved(preview):
        return Chip(Severity.NOTICE, "Needs more than one person"), people_needed(preview)
    what = "1 artifact" if changes == 1 else f"{changes} artifacts"
    return Chip(Severity.OK, "Signatures hold"), f"Import {what} from {plain(preview.medium, 80)}?"


def _facts(preview: UpdatePreview) -> tuple[Fact, ...]:
    signed = tuple(
        Fact(
            f"{plain(s.role, 20).capitalize()} by",
            f"{plain(', '.join(s.signers), 200)}, {len(s.signers)} of {s.threshold} needed",
        )
        for s in preview.signed
    )
    trusted = "none yet" if preview.trusted_version is None else f"version {preview.trusted_version}"
    return (
        *signed,
        Fact("Metadata", f"version {preview.metadata_version}; this box trusts {trusted}"),
        Fact("Metadata age", formats.duration(preview.metadata_age)),
        *(Fact("People", people_needed(preview)) for _ in range(preview.people > 1)),
        *(
            Fact(f"{plain(a.name, 40)} {plain(a.version, 20)}", plain(a.refused))
            for a in preview.artifacts
            if a.refused
        ),
        Fact("To copy", f"{formats.size(preview.size)}; {formats.size(preview.disk_free)} free"),
    )


def _date(text: str) -> str:
    moment = formats.parse_time(text)
    return formats.NA if moment is None else f"{moment:%Y-%m-%d}"


def _changes(preview: UpdatePreview) -> list[ArtifactPreview]:
    return [a for a in preview.artifacts if a.change in {"new", "newer"} and not a.refused]


def _change(artifact: ArtifactPreview) -> str:
    if artifact.refused:
        return "refused"
    words = _CHANGES.get(artifact.change, plain(artifact.change, 20))
    replaced = artifact.replaces if artifact.change == "newer" else None
    return f"{words}, replaces {plain(replaced, 30)}" if replaced else words


def importing(progress: Progress | None, *, medium_needed: bool) -> Form:
    notice = (
        Chip(Severity.WARNING, "Leave the medium in")
        if medium_needed
        else Chip(Severity.OK, "The medium may be pulled now")
    )
    return Form(
        title=TITLE,
        step="Step 3 of 4",
        heading=Chip(Severity.NOTICE, "Importing"),
        text=("Closing this leaves the import running on the box.",),
        notice=notice,
        bar=bar(progress),
        choices=(Choice("close", "Leave it running", "c", default=True),),
    )


def bar(progress: Progress | None) -> Bar:
    if progress is None:
        return Bar("Starting")
    text = plain(progress.text, 160)
    if progress.done is None or not progress.total:
        return Bar(text)
    amount = formats.size if progress.unit == "bytes" else formats.count
    unit = "" if progress.unit == "bytes" else f" {plain(progress.unit, 20)}"
    fraction = min(1.0, progress.done / progress.total)
    speed = f", {amount(round(progress.rate))}{unit} a second" if progress.rate else ""
    left = f", {formats.duration(progress.seconds_left)} left" if progress.seconds_left else ""
    return Bar(f"{text}: {amount(progress.done)} of {amount(progress.total)}{unit}{speed}{left}", fraction)


def done(report: ImportReport) -> Form:
    rows = [
        (
            plain(a.name, 60),
            plain(a.version, 30),
            "applied, serving" if a.serving else "applied",
            plain(a.evidence, 200),
        )
        for a in report.applied
    ]
    rows += [
        (plain(r.name, 60), plain(r.version, 30), "rejected", f"{plain(r.reason, 200)} [{plain(r.code, 60)}]")
        for r in report.rejected
    ]
    rows += [(*_name_and_version(p), "present already", "") for p in report.present]
    if not report.rejected:
        heading = Chip(Severity.OK, "Imported")
    elif report.applied:
        heading = Chip(Severity.WARNING, "Imported in part")
    else:
        heading = Chip(Severity.CRITICAL, "Rejected")
    return Form(
        title=TITLE,
        step="Step 4 of 4",
        heading=heading,
        text=(_tally(report),),
        notice=Chip(Severity.OK, "The medium may be pulled now"),
        table=Table(("Name", "Version", "Result", "Evidence or reason"), tuple(rows)),
        choices=(_CLOSE,),
    )


def failed(error: Explanation, *, looking: bool) -> Form:
    if error.code == "approval.needed":
        return Form(
            title=TITLE,
            step="Step 2 of 4",
            heading=Chip(Severity.NOTICE, "Waits for another person"),
            text=(plain(error.what),),
            facts=explanation_facts(error),
            choices=(Choice("look", "Look again", "l", default=True), Choice("close", "Close", "c")),
        )
    return Form(
        title=TITLE,
        step="Stopped",
        heading=Chip(Severity.CRITICAL, "The medium was refused" if looking else "The import stopped"),
        text=(plain(error.what),),
        notice=None if error.code == "daemon.away" else Chip(Severity.OK, "The medium may be pulled now"),
        facts=explanation_facts(error),
        choices=(
            Choice("close", "Close", "c", default=True),
            Choice("again", "Try again", "t", changes=not looking),
            _BACK,
        ),
    )


def explanation_facts(error: Explanation) -> tuple[Fact, ...]:
    """What was kept, what to do, and the cause code, where they are known."""
    told = (("Kept", error.kept), ("What to do", error.remedy), ("Code", error.code))
    return tuple(Fact(label, plain(value)) for label, value in told if value)


def _name_and_version(told: str) -> tuple[str, str]:
    name, _, version = plain(told, 90).partition(" ")
    return name, version


def _tally(report: ImportReport) -> str:
    numbers = f"Found {report.found}, applied {len(report.applied)}, rejected {len(report.rejected)}"
    return f"{numbers}; copied {formats.size(report.copied)} in {formats.duration(report.seconds)}."
