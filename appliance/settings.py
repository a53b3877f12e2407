"""What an administrator can set: single values of the policy under names of their own, with what they mean."""

from collections.abc import Mapping
from dataclasses import dataclass

from appliance.fallback import FallbackPolicy
from appliance.policy import Policy
from appliance.policy_paths import value_at


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting; `choices` is empty where its value is a number."""

    name: str
    path: str
    """Where it stands in the policy."""
    help: str
    choices: tuple[str, ...] = ()

    def of(self, policy: Policy) -> str:
        """Its value, as it is typed."""
        value = value_at(policy, self.path)
        return f"{value:.12g}" if isinstance(value, float) else str(value)

    @property
    def default(self) -> str:
        return self.of(Policy())


SETTINGS: Mapping[str, Setting] = {
    setting.name: setting
    for setting in (
        Setting(
            "on-fallback",
            "fallback",
            "what becomes of a deployment when the device or the pack of its plan is gone: it is down (refuse), or the next "
            "best measured candidate on another device serves meanwhile, marked degraded (degrade)",
            tuple(FallbackPolicy),
        ),
        Setting(
            "keep-versions", "retention.versions", "how many versions of each model are kept, the newest ones"
        ),
        Setting(
            "keep-bytes",
            "retention.size",
            "bytes that all versions of a model may take together; 0 for no limit",
        ),
        Setting(
            "soak-seconds",
            "soak.seconds",
            "how long a version that an update activated is watched before it is confirmed",
        ),
        Setting("soak-requests", "soak.requests", "how many requests it must have answered besides"),
        Setting(
            "soak-judge-after", "soak.judge-after", "requests before its errors and its latency are judged"
        ),
        Setting(
            "soak-error-rate",
            "soak.error-rate",
            "share of its requests that may fail beyond the old version's share",
        ),
        Setting(
            "soak-slower",
            "soak.slower",
            "times its planned latency, or the old version's, that its p50 may take",
        ),
        Setting(
            "soak-crashes",
            "soak.crashes",
            "crashes of its worker allowed beyond the old version's in the same time",
        ),
    )
}
