"""The rules of approvals, without I/O.

A request names exactly what it is about, by digest. Whoever approves it must be another account than those who stand
behind it already, in a role that may. It is open until enough do, is refused by one who may approve, is void after its
time, and is used once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from appliance.accounts import Account
from appliance.errors import ApplianceError


class State(StrEnum):
    OPEN = "open"
    APPROVED = "approved"
    """By enough people; not carried out yet."""
    USED = "used"
    REFUSED = "refused"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Vote:
    account: str
    time: str


@dataclass(frozen=True, slots=True)
class Request:
    """Something that more than one person must stand behind. Times are ISO 8601, UTC."""

    id: str
    action: str
    """The command's id."""
    subject: str
    """What a person reads before they approve."""
    digest: str
    """SHA-256, in hexadecimal, of exactly what is approved."""
    people: int
    """Different accounts that must stand behind it."""
    roles: tuple[str, ...]
    """Who may approve."""
    asked_by: str
    """The account, or `user@local` who is none."""
    requested: str
    expires: str
    state: State = State.OPEN
    reason: str = ""
    """Why it was refused."""
    votes: tuple[Vote, ...] = ()
    """Those who stand behind it: who asked, where they gave their password, and who approved."""

    @property
    def missing(self) -> int:
        """How many more people are needed."""
        return max(0, self.people - len(self.votes))

    def at(self, now: str) -> "Request":
        """As it is at a moment."""
        if self.state in (State.OPEN, State.APPROVED):
            if now >= self.expires:
                return replace(self, state=State.EXPIRED)
            return replace(self, state=State.OPEN if self.missing else State.APPROVED)
        return self

    def with_vote(self, account: str, time: str) -> "Request":
        """Somebody more stands behind it; nobody counts twice."""
        if stands_behind(self, account):
            return self
        return replace(self, votes=(*self.votes, Vote(account, time))).at(time)


def stands_behind(request: Request, account: str) -> bool:
    return any(vote.account.casefold() == account.casefold() for vote in request.votes)


def check_open(request: Request) -> None:
    """Raises ApplianceError `approval.closed`."""
    if request.state not in (State.OPEN, State.APPROVED):
        reason = f": {request.reason}" if request.reason else ""
        raise ApplianceError(
            "approval.closed",
            f"The request {request.id} is {request.state}{reason}.",
            kept="Nothing was changed.",
            remedy="Ask anew by giving the command again.",
        )


def check_may_approve(request: Request, account: Account) -> None:
    """Raises ApplianceError: `approval.closed`, `approval.own`, `approval.role`."""
    check_open(request)
    if stands_behind(request, account.name) or request.asked_by.casefold() == account.name.casefold():
        raise ApplianceError(
            "approval.own",
            f"{account.name} stands behind the request {request.id} already; somebody else must approve it.",
            kept="The request stays as it is.",
            remedy=f"Ask another account in the role {' or '.join(request.roles)}.",
        )
    check_role(request, account)


def check_role(request: Request, account: Account) -> None:
    """Raises ApplianceError `approval.role`."""
    if account.role not in request.roles:
        raise ApplianceError(
            "approval.role",
            f"{account.name} is {account.role}; the request {request.id} is approved by {' or '.join(request.roles)}.",
            kept="The request stays as it is.",
            remedy=f"Ask an account in the role {' or '.join(request.roles)}.",
        )


def newest_first(requests: Sequence[Request]) -> tuple[Request, ...]:
    return tuple(sorted(requests, key=lambda request: request.requested, reverse=True))
