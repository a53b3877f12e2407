"""`appliance policy …`: show, set, load."""

import asyncio
from pathlib import Path

from appliance import policy
from appliance.errors import ApplianceError
from appliance.identifying import acting
from appliance.operations.context import BoxContext
from appliance.policing import change_policy, digest_of
from appliance.policy import Policy
from appliance.policy_parsing import parse
from appliance.policy_paths import flat, with_value
from appliance.policy_results import PolicyChanged, PolicyRule, PolicyShown, RuleChange

LARGEST = 1 << 20
"""Bytes of a policy."""


async def show(context: BoxContext) -> PolicyShown:
    now = policy.read(context.box.database)
    defaults = flat(Policy())
    rules = (PolicyRule(path, value, defaults.get(path)) for path, value in flat(now).items())
    return PolicyShown(now, tuple(rules), digest_of(now))


async def set_rule(
    context: BoxContext, *, rule: str, value: str, account: str | None, password: str | None
) -> PolicyChanged:
    after = with_value(policy.read(context.box.database), rule, value)
    return await _changed(context, after, "policy.set", account, password)


async def load(context: BoxContext, *, file: str, account: str | None, password: str | None) -> PolicyChanged:
    after = parse(await asyncio.to_thread(_read, Path(file)))
    return await _changed(context, after, "policy.load", account, password)


async def _changed(
    context: BoxContext, after: Policy, action: str, account: str | None, password: str | None
) -> PolicyChanged:
    actor = await acting(context.box, context.actor, account, password)
    changed = change_policy(context.box, actor, after, action)
    return PolicyChanged(tuple(RuleChange(d.path, d.before, d.after) for d in changed), digest_of(after))


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            return stream.read(LARGEST)
    except OSError as error:
        raise ApplianceError(
            "policy.unreadable-file",
            f"{file} cannot be read: {error.strerror}.",
            kept="The policy was not changed.",
            remedy="Name a JSON file that the appliance may read.",
        ) from error
