"""The commands about updates on the box: what comes in, and going back."""

from appliance.console.commands import Argument, Command, Role
from appliance.console.depot_commands import MEDIUM
from appliance.console.policy_commands import AS

NAME = Argument("name", "name of the model", positional=True, required=True)
ALLOW_EXPIRED = Argument(
    "allow_expired",
    "accept metadata past its expiry date; versions and signatures are checked all the same",
    kind=bool,
)

UPDATE_COMMANDS: tuple[Command, ...] = (
    Command(
        "update.inspect",
        "Look at an update",
        "Say what is on a medium, who signed it and what it would change. Changes nothing.",
        (MEDIUM, ALLOW_EXPIRED),
        role=Role.TECHNICIAN,
    ),
    Command(
        "update.media",
        "List the updates that arrived",
        "List the updates on mounted media and in the inbox, with what they would bring. Changes nothing.",
        role=Role.TECHNICIAN,
    ),
    Command(
        "update.import",
        "Import an update",
        "Verify, copy, certify on this hardware and activate what is on a medium.",
        (MEDIUM, ALLOW_EXPIRED, *AS),
        role=Role.TECHNICIAN,
        changes=True,
        key="i",
    ),
    Command(
        "update.cancel",
        "Cancel an import",
        "End the import that runs, at any time before it activates: nothing stays of it but its audit entry.",
        (),
        role=Role.TECHNICIAN,
    ),
    Command(
        "update.rollback",
        "Go back to an earlier version",
        "Serve an earlier version of a model that is still here; its measured plan is used again where it still holds.",
        (
            NAME,
            Argument("to", "version to go back to; default: the one that served before", metavar="VERSION"),
            Argument(
                "budget",
                "seconds that measuring may take where the plan holds no more",
                kind=float,
                default=20.0,
                metavar="SECONDS",
            ),
        ),
        role=Role.TECHNICIAN,
        changes=True,
        key="b",
    ),
    Command(
        "update.confirm",
        "Confirm a new version",
        "End the soak of a version that an update brought: it stays, and the version before may go.",
        (NAME,),
        role=Role.ADMIN,
        changes=True,
    ),
)
