"""Changing the policy: allowed, enough people behind it, nobody locked out; then written with its audit entry."""

from collections.abc import Callable
from hashlib import sha256

import msgspec

from appliance import policy
from appliance.accounts import Accounts
from appliance.actor import Actor
from appliance.approvals.needing import Needed, check_allowed, require
from appliance.box import Box, Change
from appliance.errors import ApplianceError
from appliance.policy import Policy, Rule
from appliance.policy_paths import Difference, differences, rules_of


def change_policy(
    box: Box, actor: Actor, after: Policy, action: str, note: Callable[[Change], None] | None = None
) -> tuple[Difference, ...]:
    """Put another policy in force; what is different.

    Raises ApplianceError: `policy.role`, `policy.locks-out`, `approval.needed`.
    """
    before = policy.read(box.database)
    rule = before.changes.policy
    check_allowed(rule, actor, "change the policy")
    changed = differences(before, after)
    check_reachable(box, before, after)
    grant = require(
        box, actor, Needed(action, f"change the policy: {told(changed)}", digest_of(after), rule.people)
    )
    with box.change(actor, action) as change:
        grant.use(change)
        policy.write(change.tx, after)
        if note is not None:
            note(change)
        else:
            change.note("policy", digest=digest_of(after), details={"changed": [d.told for d in changed]})
    return changed


def digest_of(document: Policy) -> str:
    """SHA-256 of the policy's canonical JSON, in hexadecimal."""
    return sha256(msgspec.json.encode(document, order="sorted")).hexdigest()


def told(changed: tuple[Difference, ...]) -> str:
    """In one line."""
    listed = "; ".join(difference.told for difference in changed[:5])
    return (listed or "nothing") + (f" and {len(changed) - 5} more" if len(changed) > 5 else "")


def check_reachable(box: Box, before: Policy, after: Policy) -> None:
    """Raises ApplianceError `policy.locks-out` where a changed rule asks for more people than there are accounts."""
    accounts = [account for account in Accounts(box.database).all() if not account.disabled]
    approvers = {account.name for account in accounts if account.role.value in after.approvals.roles}
    same_approvers = before.approvals.roles == after.approvals.roles
    unchanged = dict(rules_of(before)) if same_approvers else {}
    for path, rule in rules_of(after):
        askers = {account.name for account in accounts if account.role.value in rule.roles}
        if unchanged.get(path) != rule and not _enough(rule, approvers, askers):
            raise ApplianceError(
                "policy.locks-out",
                f"{path} asks for {rule.people} people; {len(approvers)} accounts may approve and {len(askers)} may ask.",
                kept="The policy was not changed.",
                remedy="Add accounts first: `appliance accounts add NAME --role admin`.",
            )


def _enough(rule: Rule, approvers: set[str], askers: set[str]) -> bool:
    if rule.people <= 1:
        return True
    return len(approvers) >= rule.people - 1 and len(approvers | askers) >= rule.people
