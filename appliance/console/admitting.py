"""Who else must stand behind an import, in words."""

from appliance.console.text import plain
from appliance.results import UpdatePreview


def people_needed(preview: UpdatePreview) -> str:
    """One line; empty where nobody else is needed."""
    if preview.people <= 1:
        return ""
    behind = plain(", ".join(preview.behind), 120) or "nobody yet"
    who = plain(" or ".join(preview.approvers), 80)
    waits = f"; the request {preview.request} waits" if preview.request else ""
    return f"{preview.people} accounts must stand behind it ({behind} so far); may approve: {who}{waits}"


def approved(preview: UpdatePreview) -> bool:
    """Whether enough people stand behind it for the import to go on."""
    return preview.people <= 1 or len(preview.behind) >= preview.people
