"""Going on only where enough people stand behind it; else the request waits for them."""

from dataclasses import dataclass, replace
from datetime import timedelta

from appliance import policy
from appliance.accounts import Account, Accounts
from appliance.actor import Actor
from appliance.approvals import store
from appliance.approvals.rules import Request, State, Vote, check_may_approve, check_role, stands_behind
from appliance.audit.entry import Outcome
from appliance.box import Box, Change, iso
from appliance.errors import ApplianceError
from appliance.policy import Rule, Who

ASK = "approvals.ask"
APPROVE = "approvals.approve"
REFUSE = "approvals.refuse"


@dataclass(frozen=True, slots=True)
class Needed:
    """What somebody wants to do."""

    action: str
    """The command's id."""
    subject: str
    """One line that says what it would do."""
    digest: str
    """SHA-256, in hexadecimal, of exactly that."""
    people: int


@dataclass(frozen=True, slots=True)
class Grant:
    """Leave to go on, for once."""

    request: Request | None
    """None where nobody else was needed."""

    def use(self, change: Change) -> None:
        """Use it up, in the transaction of what was granted."""
        if self.request is None:
            return
        used = replace(self.request, state=State.USED)
        store.put(change.tx, used)
        change.note(
            used.subject,
            digest=used.digest,
            details={"request": used.id, "approved_by": [vote.account for vote in used.votes]},
        )


def check_allowed(rule: Rule, actor: Actor, what: str) -> None:
    """Raises ApplianceError `policy.role` where the policy does not let this role do it."""
    if actor.role in rule.roles:
        return
    who = f"only {' or '.join(rule.roles)} may" if rule.roles else "nobody may"
    raise ApplianceError(
        "policy.role",
        f"By this box's policy {who} {what}; {actor.name} is {actor.role or 'the box itself'}.",
        kept="Nothing was changed.",
        remedy="Say who you are with --account NAME, or ask somebody who may."
        if rule.roles
        else "`appliance policy show` shows the rules.",
    )


def require(box: Box, actor: Actor, needed: Needed) -> Grant:
    """Leave to do what is needed, where enough people stand behind it.

    Else a request is made, or the one that waits is kept, and ApplianceError `approval.needed` says who may approve it.
    An account that gave its password stands behind what it asks for.
    """
    if needed.people <= 1:
        return Grant(None)
    now = iso(box.now().at)
    request = store.waiting(box.database, needed.action, needed.digest, now)
    if request is None:
        request = _asked(box, actor, needed)
    elif _counts(actor, request) and not stands_behind(request, actor.name):
        request = _voted(box, actor, request)
    if len(_valid(box, request)) >= max(needed.people, request.people):
        return Grant(request)
    raise _waits(box, request, needed)


def approve(box: Box, actor: Actor, account: Account, request_id: str) -> Request:
    """Let an account stand behind a request. Raises ApplianceError: `approval.unknown`, `…closed`, `…own`, `…role`."""
    request = store.request_of(box.database, request_id, iso(box.now().at))
    check_may_approve(request, account)
    return _voted(box, Actor(account.name, account.role, actor.correlation), request)


def refuse(box: Box, actor: Actor, account: Account, request_id: str, reason: str) -> Request:
    """Close a request for good. Whoever asked may also withdraw it. Raises as `approve`, but for `approval.own`."""
    request = store.request_of(box.database, request_id, iso(box.now().at))
    if not stands_behind(request, account.name):
        check_role(request, account)
    if request.state not in (State.OPEN, State.APPROVED):
        check_may_approve(request, account)
    with box.change(Actor(account.name, account.role, actor.correlation), REFUSE) as change:
        refused = replace(request, state=State.REFUSED, reason=reason)
        store.put(change.tx, refused)
        change.note(
            request.subject,
            digest=request.digest,
            outcome=Outcome.REFUSED,
            cause="approval.refused",
            details={"request": request.id, "reason": reason},
        )
    return refused


def _asked(box: Box, actor: Actor, needed: Needed) -> Request:
    rules = policy.read(box.database).approvals
    now = box.now().at
    with box.change(actor, ASK) as change:
        request = Request(
            id=store.new_id(change.tx),
            action=needed.action,
            subject=needed.subject,
            digest=needed.digest,
            people=needed.people,
            roles=tuple(role.value for role in rules.roles),
            asked_by=actor.name,
            requested=iso(now),
            expires=iso(now + timedelta(hours=rules.hours)),
            votes=(Vote(actor.name, iso(now)),) if _is_account(actor) else (),
        )
        store.put(change.tx, request)
        change.note(
            request.subject,
            digest=request.digest,
            details={"request": request.id, "people": request.people, "expires": request.expires},
        )
    return request


def _voted(box: Box, actor: Actor, request: Request) -> Request:
    with box.change(actor, APPROVE) as change:
        voted = request.with_vote(actor.name, change.time)
        store.put(change.tx, voted)
        change.note(
            request.subject,
            digest=request.digest,
            details={"request": request.id, "action": request.action, "missing": voted.missing},
        )
    return voted


def _is_account(actor: Actor) -> bool:
    return actor.role not in {"", Who.OPERATOR.value}


def _counts(actor: Actor, request: Request) -> bool:
    return _is_account(actor) and actor.role in request.roles


def _valid(box: Box, request: Request) -> list[str]:
    """Who stands behind it and is still an account that may log in."""
    enabled = {account.name.casefold() for account in Accounts(box.database).all() if not account.disabled}
    return [vote.account for vote in request.votes if vote.account.casefold() in enabled]


def _waits(box: Box, request: Request, needed: Needed) -> ApplianceError:
    behind = _valid(box, request)
    missing = max(needed.people, request.people) - len(behind)
    who = (
        f"{', '.join(behind)} stand{'s' if len(behind) == 1 else ''} behind it"
        if behind
        else "nobody does yet"
    )
    return ApplianceError(
        "approval.needed",
        f"{max(needed.people, request.people)} people must stand behind this: {request.subject}. So far {who}.",
        kept=f"Nothing was changed. The request {request.id} waits until {request.expires[:16].replace('T', ' ')} UTC.",
        remedy=f"{missing} more, in the role {' or '.join(request.roles)}: `appliance approvals approve {request.id} "
        "--account NAME`. Then give the command again.",
    )
