"""Which function carries out which command, found when it is needed so that small commands start fast."""

import importlib
import inspect
from collections.abc import Callable
from typing import Any, get_type_hints

import msgspec

OPERATIONS: dict[str, str] = {
    "depot.init": "depot:init",
    "depot.add-model": "depot:add_model",
    "depot.add-runtime": "depot_kinds:add_runtime",
    "depot.add-software": "depot_kinds:add_software",
    "depot.add-system": "depot_kinds:add_system",
    "depot.publish": "depot:publish",
    "depot.status": "depot_keys:status",
    "depot.fleet": "fleet:fleet",
    "depot.make-key": "depot_keys:make_key",
    "depot.delegate": "depot_keys:delegate",
    "depot.rotate": "depot_keys:rotate",
    "depot.revoke": "depot_keys:revoke",
    "depot.expiry": "depot_keys:expiry",
    "depot.request": "depot_signing:request",
    "depot.sign": "depot_signing:sign",
    "depot.collect": "depot_signing:collect",
    "init": "provisioning:init",
    "update.inspect": "updating:inspect",
    "update.media": "updating:media",
    "update.import": "updating:import_update",
    "update.cancel": "updating:cancel",
    "update.rollback": "reverting:rollback",
    "update.confirm": "reverting:confirm",
    "release.install": "releases:install",
    "release.status": "releases:status",
    "release.undo": "releases:undo",
    "doctor": "diagnosis:doctor",
    "models": "models:models",
    "evidence": "evidence:evidence",
    "models.remove": "reverting:remove",
    "deploy": "models:deploy",
    "plan": "models:plan",
    "undeploy": "models:undeploy",
    "serve": "serving:serve",
    "infer": "asking:infer",
    "chat": "asking:chat",
    "status": "diagnosis:status",
    "tui": "consoles:tui",
    "gui": "consoles:gui",
    "cache.list": "caching:list_cache",
    "cache.clear": "caching:clear",
    "settings.list": "setting:list_settings",
    "settings.set": "setting:change",
    "depot.add-policy": "depot_policy:add_policy",
    "policy.show": "policing:show",
    "policy.set": "policing:set_rule",
    "policy.load": "policing:load",
    "approvals.list": "approving:list_requests",
    "approvals.approve": "approving:approve",
    "approvals.refuse": "approving:refuse",
    "accounts.list": "accounting:list_accounts",
    "accounts.add": "accounting:add",
    "accounts.password": "accounting:change_password",
    "audit.list": "auditing:list_entries",
    "audit.verify": "auditing:verify",
    "audit.export": "auditing:export",
}


class Operation(msgspec.Struct, frozen=True):
    """A function `(context, *, argument=…) -> result` and the type of its result."""

    run: Callable[..., Any]
    result: type
    coroutine: bool


def operation(command_id: str) -> Operation:
    """Find what carries out a command. Raises KeyError for an id that the table has not."""
    module, _, name = OPERATIONS[command_id].partition(":")
    function = getattr(importlib.import_module(f"appliance.operations.{module}"), name)
    return Operation(function, get_type_hints(function)["return"], inspect.iscoroutinefunction(function))
