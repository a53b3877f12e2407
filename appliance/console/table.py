"""The ONE command table: the CLI's verbs, the consoles' keys and palettes and the help come from it.

It holds data only, so that a console starts without loading what carries the commands out.
"""

from appliance.console.commands import Argument, Command, Role, Where
from appliance.console.depot_commands import DEPOT_COMMANDS, OBJECTIVES
from appliance.console.depot_kind_commands import DEPOT_KIND_COMMANDS
from appliance.console.policy_commands import AS, POLICY_COMMANDS
from appliance.console.release_commands import RELEASE_COMMANDS
from appliance.console.update_commands import NAME, UPDATE_COMMANDS

TABLE: tuple[Command, ...] = (
    *DEPOT_COMMANDS,
    *DEPOT_KIND_COMMANDS,
    Command(
        "init",
        "Provision this box",
        "Make the state, the device key and the first administrator, and take the trust root.",
        (
            Argument("trust", "root metadata of the depot to trust (N.root.json)", required=True, path=True),
            Argument("box", "name of the box; default: the host's name", metavar="NAME"),
            Argument("admin", "name of the first administrator", default="admin", metavar="NAME"),
        ),
        role=Role.INTEGRATOR,
        where=Where.HERE,
        changes=True,
    ),
    *UPDATE_COMMANDS,
    *RELEASE_COMMANDS,
    Command(
        "doctor",
        "Examine this machine",
        "Say what this machine has, what could run here and what could not, and why.",
        (
            Argument("sysroot", "examine this folder or captured archive instead of the machine", path=True),
            Argument(
                "capture",
                "write what `doctor` reads to this archive, for a support desk",
                path=True,
                metavar="FILE",
            ),
        ),
        where=Where.HERE,
    ),
    Command(
        "models",
        "List the models",
        "List the imported models and their versions.",
    ),
    Command(
        "models.remove",
        "Remove a model version",
        "Remove the content of a version that nothing needs; its manifest, documents and plans stay as evidence.",
        (NAME, Argument("version", "the version to remove", positional=True, required=True)),
        role=Role.ADMIN,
        changes=True,
        destructive=True,
    ),
    Command(
        "evidence",
        "Show a model's evidence",
        "Show what travels with a model: bill of materials, licence, provenance and its maker's signature.",
        (NAME, Argument("version", "version of the model; default: the newest imported one")),
    ),
    Command(
        "deploy",
        "Deploy a model",
        "Measure every way to run a model here, choose the best right one and serve it.",
        (
            NAME,
            Argument("version", "version of the model; default: the newest imported one"),
            Argument("budget", "seconds the measuring may take", kind=float, default=20.0, metavar="SECONDS"),
            Argument(
                "objective",
                "what to optimise for here; default: what was chosen before, or what the model's maker says",
                choices=OBJECTIVES,
            ),
            Argument("measure_again", "measure even where a valid plan is stored", kind=bool),
        ),
        role=Role.ADMIN,
        changes=True,
        key="d",
    ),
    Command(
        "plan",
        "Show a plan",
        "Show the measured plan of a deployment: every candidate, and why each loser lost.",
        (
            NAME,
            Argument(
                "what_if",
                "say how it would run without a vendor (nvidia, amd, intel), engine, device or precision; "
                "commas between several; measures nothing",
                metavar="without=WHAT",
            ),
        ),
    ),
    Command(
        "undeploy",
        "Stop serving a model",
        "Stop a deployment; the model stays imported.",
        (NAME,),
        role=Role.ADMIN,
        changes=True,
        destructive=True,
    ),
    Command(
        "serve",
        "Run the daemon",
        "Run the daemon: workers, the inference API and the control socket.",
        (
            Argument("host", "address of the inference API; loopback by default", default="127.0.0.1"),
            Argument(
                "port", "TCP port of the inference API; 0 for the Unix socket alone", kind=int, default=8080
            ),
        ),
        role=Role.ADMIN,
        where=Where.HERE,
        changes=True,
    ),
    Command(
        "infer",
        "Ask a model",
        "Send tensors to a deployment over the inference API and print what comes back.",
        (
            NAME,
            Argument(
                "input",
                "an input tensor: NAME=FILE.npy, or NAME=JSON array",
                required=True,
                repeat=True,
                metavar="NAME=VALUE",
            ),
            Argument("save", "folder for the outputs as .npy files", path=True),
        ),
        where=Where.HERE,
    ),
    Command(
        "chat",
        "Talk to a model",
        "Send a message to a text deployment and print the answer as it comes.",
        (
            NAME,
            Argument(
                "message", "what to say; without it, a conversation is read line by line", positional=True
            ),
            Argument("max_tokens", "length limit of an answer", kind=int, default=200),
            Argument("temperature", "0 gives the likeliest answer every time", kind=float, default=0.0),
            Argument("seed", "seed of the sampling", kind=int),
        ),
        where=Where.HERE,
    ),
    Command(
        "status",
        "Show the status",
        "Say whether the box is well, and what it serves.",
        key="h",
    ),
    Command(
        "tui",
        "Open the terminal console",
        "Open the console for terminals, serial lines and SSH.",
        where=Where.HERE,
    ),
    Command(
        "gui",
        "Open the desktop console",
        "Open the console for a screen or a touch panel.",
        where=Where.HERE,
    ),
    Command(
        "cache.list",
        "List the compiled models",
        "List what engines compiled of the models here, and the room it takes.",
    ),
    Command(
        "cache.clear",
        "Clear the compiled models",
        "Remove all compiled models; deployments go on serving, and the next load compiles again.",
        role=Role.ADMIN,
        changes=True,
    ),
    Command(
        "settings.list",
        "List the settings",
        "List the settings of this box, their values and what they mean.",
    ),
    Command(
        "settings.set",
        "Change a setting",
        "Set a setting of this box, such as `on-fallback degrade`.",
        (
            Argument("name", "name of the setting", positional=True, required=True),
            Argument("value", "its new value", positional=True, required=True),
            *AS,
        ),
        role=Role.ADMIN,
        changes=True,
    ),
    *POLICY_COMMANDS,
    Command(
        "audit.list",
        "List audit entries",
        "List the newest entries of the audit log.",
        (Argument("count", "how many", kind=int, default=20),),
        role=Role.AUDITOR,
        key="a",
    ),
    Command(
        "audit.verify",
        "Verify the audit log",
        "Recompute the whole audit tree from the first entry to the newest checkpoint.",
        role=Role.AUDITOR,
        key="v",
    ),
    Command(
        "audit.export",
        "Export the audit log",
        "Write the entries and a signed checkpoint to a file that verifies on any machine.",
        (Argument("file", "file to write (JSON Lines)", positional=True, required=True, path=True),),
        role=Role.AUDITOR,
        changes=True,
    ),
)

BY_ID = {command.id: command for command in TABLE}
