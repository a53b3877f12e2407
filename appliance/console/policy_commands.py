"""The commands about who may do what: policy, approvals, accounts."""

from appliance.console.commands import Argument, Command, Role

ACCOUNT = Argument("account", "account that this is done as", metavar="NAME")
PASSWORD = Argument("password", "the account's password", secret=True)
AS = (ACCOUNT, PASSWORD)
"""For what may be done by whoever the operating system lets in, or by an account."""
_APPROVER = (
    Argument("account", "account that decides", required=True, metavar="NAME"),
    Argument("password", "the account's password", secret=True, required=True),
)
_REQUEST = Argument("request", "the request, as `approvals list` names it", positional=True, required=True)
_ACCOUNT_NAME = Argument("name", "name of the account", positional=True, required=True)

POLICY_COMMANDS: tuple[Command, ...] = (
    Command(
        "policy.show",
        "Show the policy",
        "Show every rule of this box: who may import what, how many must approve, what is kept, how versions soak.",
        key="y",
    ),
    Command(
        "policy.set",
        "Change a rule of the policy",
        "Change one rule, such as `imports.model.people 2` or `floors.model.line-inspection 1.2.0`.",
        (
            Argument("rule", "the rule's path", positional=True, required=True),
            Argument(
                "value", "a word, a number or JSON; `none` removes a floor", positional=True, required=True
            ),
            *AS,
        ),
        role=Role.ADMIN,
        changes=True,
    ),
    Command(
        "policy.load",
        "Load a policy",
        "Take the whole policy from a JSON file; what it does not name takes its default.",
        (Argument("file", "the JSON file", positional=True, required=True, path=True), *AS),
        role=Role.ADMIN,
        changes=True,
    ),
    Command(
        "approvals.list",
        "List what waits for approval",
        "List the requests, what they are about, who stands behind them and who may approve.",
        (Argument("all", "those that are over too", kind=bool),),
        key="p",
    ),
    Command(
        "approvals.approve",
        "Approve a request",
        "Stand behind what another account asked for; then the command can be given again.",
        (_REQUEST, *_APPROVER),
        role=Role.ADMIN,
        changes=True,
    ),
    Command(
        "approvals.refuse",
        "Refuse a request",
        "Close a request for good, with the reason.",
        (_REQUEST, Argument("reason", "why", required=True), *_APPROVER),
        role=Role.ADMIN,
        changes=True,
    ),
    Command(
        "accounts.list",
        "List the accounts",
        "List who may act at this box, and in which role.",
    ),
    Command(
        "accounts.add",
        "Add an account",
        "Make an account; its first password is shown once and must be changed.",
        (
            _ACCOUNT_NAME,
            Argument(
                "role",
                "what it may do",
                required=True,
                choices=(Role.TECHNICIAN, Role.ADMIN, Role.AUDITOR, Role.INTEGRATOR),
            ),
            *AS,
        ),
        role=Role.ADMIN,
        changes=True,
    ),
    Command(
        "accounts.password",
        "Change a password",
        "Change the password of an account by whoever knows it.",
        (
            _ACCOUNT_NAME,
            Argument("password", "the present password", secret=True, required=True),
            Argument("new", "the new password", secret=True, required=True),
        ),
        changes=True,
    ),
)
