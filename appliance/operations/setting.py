"""Settings: list and set."""

from appliance.errors import ApplianceError
from appliance.operations.context import BoxContext
from appliance.results import SettingChanged, SettingList, SettingRow
from appliance.settings import SETTINGS, Setting
from appliance.store import settings


async def list_settings(context: BoxContext) -> SettingList:
    return SettingList(tuple(_row(context, setting) for setting in SETTINGS.values()))


async def change(context: BoxContext, *, name: str, value: str) -> SettingChanged:
    setting = _known(name, value)
    before = _row(context, setting).value
    with context.box.change(context.actor, "settings.set") as change:
        settings.write(change.tx, name, value)
        change.note(name, details={"before": before, "value": value})
    return SettingChanged(name, before, value)


def _row(context: BoxContext, setting: Setting) -> SettingRow:
    value = str(settings.read(context.box.database, setting.name, setting.default))
    return SettingRow(setting.name, value, setting.default, setting.choices, setting.help)


def _known(name: str, value: str) -> Setting:
    setting = SETTINGS.get(name)
    if setting is not None and value in setting.choices:
        return setting
    raise ApplianceError(
        "settings.unknown" if setting is None else "settings.value",
        f"There is no setting {name!r}." if setting is None else f"{name} cannot be {value!r}.",
        kept="Nothing was changed.",
        remedy=f"It takes one of: {', '.join(setting.choices)}."
        if setting is not None
        else f"There are: {', '.join(SETTINGS)}.",
    )
