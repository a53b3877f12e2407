"""What an administrator can set: each setting with its choices and what it means."""

from collections.abc import Mapping
from dataclasses import dataclass

from appliance import fallback


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting; its value is one of `choices`."""

    name: str
    choices: tuple[str, ...]
    default: str
    help: str


SETTINGS: Mapping[str, Setting] = {
    setting.name: setting
    for setting in (
        Setting(
            fallback.SETTING,
            tuple(fallback.FallbackPolicy),
            fallback.FallbackPolicy.REFUSE,
            "what becomes of a deployment when the device or the pack of its plan is gone: it is down (refuse), or the next "
            "best measured candidate on another device serves meanwhile, marked degraded (degrade)",
        ),
    )
}
