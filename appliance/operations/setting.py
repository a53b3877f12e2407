"""Settings: list and set."""

from appliance import policy
from appliance.errors import ApplianceError
from appliance.identifying import acting
from appliance.operations.context import BoxContext
from appliance.policing import change_policy
from appliance.policy_paths import with_value
from appliance.results import SettingChanged, SettingList, SettingRow
from appliance.settings import SETTINGS, Setting


async def list_settings(context: BoxContext) -> SettingList:
    now = policy.read(context.box.database)
    return SettingList(tuple(_row(setting, now) for setting in SETTINGS.values()))


async def change(
    context: BoxContext, *, name: str, value: str, account: str | None, password: str | None
) -> SettingChanged:
    setting = _known(name)
    before = policy.read(context.box.database)
    try:
        after = with_value(before, setting.path, value)
    except ApplianceError as error:
        raise _unusable(setting, value, error) from error
    actor = await acting(context.box, context.actor, account, password)
    told = {"before": setting.of(before), "value": setting.of(after)}
    change_policy(context.box, actor, after, "settings.set", lambda change: change.note(name, details=told))
    return SettingChanged(name, setting.of(before), setting.of(after))


def _row(setting: Setting, now: policy.Policy) -> SettingRow:
    return SettingRow(setting.name, setting.of(now), setting.default, setting.choices, setting.help)


def _known(name: str) -> Setting:
    setting = SETTINGS.get(name)
    if setting is None:
        raise ApplianceError(
            "settings.unknown",
            f"There is no setting {name!r}.",
            kept="Nothing was changed.",
            remedy=f"There are: {', '.join(SETTINGS)}.",
        )
    return setting


def _unusable(setting: Setting, value: str, error: ApplianceError) -> ApplianceError:
    return ApplianceError(
        "settings.value",
        f"{setting.name} cannot be {value!r}.",
        kept="Nothing was changed.",
        remedy=f"It takes one of: {', '.join(setting.choices)}." if setting.choices else error.what,
    )
