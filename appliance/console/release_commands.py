"""The commands on releases of the appliance itself."""

from appliance.console.commands import Argument, Command, Role, Where

RELEASE_COMMANDS: tuple[Command, ...] = (
    Command(
        "release.install",
        "Install the first release",
        "Make a folder of releases from wheels, without a network, and the launcher that the service manager starts; from "
        "then on updates replace the release.",
        (
            Argument(
                "wheels",
                "folder with the appliance's own wheel and those of all that it needs",
                required=True,
                path=True,
            ),
        ),
        role=Role.INTEGRATOR,
        where=Where.HERE,
        changes=True,
    ),
    Command(
        "release.status",
        "Show the release",
        "Say which release runs, which are kept, and which is on trial.",
    ),
    Command(
        "release.undo",
        "Go back to the release before",
        "Start the release before this one again, on trial like a newer one; the daemon starts anew.",
        role=Role.ADMIN,
        changes=True,
        destructive=True,
    ),
)
