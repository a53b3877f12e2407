"""`appliance approvals …`: list, approve, refuse."""

from appliance.approvals import needing
from appliance.approvals.rules import Request, State
from appliance.approvals.store import all_requests
from appliance.box import iso
from appliance.identifying import identify
from appliance.operations.context import BoxContext
from appliance.policy_results import RequestDecided, RequestList, RequestRow


async def list_requests(context: BoxContext, *, all: bool) -> RequestList:  # noqa: A002 - the flag's name
    found = all_requests(context.box.database, iso(context.box.now().at))
    waiting = (State.OPEN, State.APPROVED)
    return RequestList(tuple(_row(request) for request in found if all or request.state in waiting))


async def approve(context: BoxContext, *, request: str, account: str, password: str) -> RequestDecided:
    who = await identify(context.box, account, password)
    return _decided(needing.approve(context.box, context.actor, who, request))


async def refuse(
    context: BoxContext, *, request: str, reason: str, account: str, password: str
) -> RequestDecided:
    who = await identify(context.box, account, password)
    return _decided(needing.refuse(context.box, context.actor, who, request, reason))


def _decided(request: Request) -> RequestDecided:
    return RequestDecided(_row(request), request.missing)


def _row(request: Request) -> RequestRow:
    return RequestRow(
        id=request.id,
        action=request.action,
        subject=request.subject,
        digest=request.digest,
        state=request.state,
        people=request.people,
        behind=tuple(vote.account for vote in request.votes),
        roles=request.roles,
        asked_by=request.asked_by,
        requested=request.requested,
        expires=request.expires,
        reason=request.reason,
    )
