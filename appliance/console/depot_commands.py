"""The depot's part of the command table: everything on the connected side."""

from appliance.console.commands import Argument, Command, Role, Where

MEDIUM = Argument(
    "medium",
    "the stick's mount point, or the folder `appliance-update` itself",
    positional=True,
    required=True,
    path=True,
)
OBJECTIVES = ("latency", "throughput", "memory", "energy")
DEPOT = Argument("depot", "folder of the depot", positional=True, required=True, path=True)
PASSPHRASE = Argument(
    "passphrase_file", "file with the passphrase of the private keys, or the PIN of the token", path=True
)
ROLE = Argument("role", "the role, such as models or root", positional=True, required=True)
REQUEST = Argument(
    "file", "the file with what waits for signatures", positional=True, required=True, path=True
)
KEYS = Argument(
    "key",
    "a key: a private key file, a public one of somebody who signs elsewhere, or hsm:ID?label=TOKEN; may be given "
    "several times; without any, new ones are made",
    repeat=True,
    metavar="KEY",
)
THRESHOLD = Argument("threshold", "signatures needed from now on; default: as before", kind=int, metavar="N")


def _here(name: str, title: str, text: str, *arguments: Argument) -> Command:
    return Command(f"depot.{name}", title, text, arguments, role=Role.INTEGRATOR, where=Where.HERE)


DEPOT_COMMANDS: tuple[Command, ...] = (
    Command(
        "depot.init",
        "Make a depot",
        "Make a TUF repository with Ed25519 keys for root, targets, snapshot and timestamp.",
        (
            DEPOT,
            Argument(
                "key",
                "a key for a role instead of a new one: a private file, a public one, or hsm:ID?label=TOKEN; may be given several times",
                repeat=True,
                metavar="ROLE=KEY",
            ),
            Argument(
                "delegate",
                "give a kind of artifact a role of its own, such as models; may be given several times",
                repeat=True,
                metavar="ROLE",
            ),
            PASSPHRASE,
            Argument(
                "threshold",
                "signatures a role needs, such as root=2 or models=2; may be given for several roles",
                repeat=True,
                metavar="ROLE=N",
            ),
        ),
        role=Role.INTEGRATOR,
        where=Where.HERE,
    ),
    Command(
        "depot.add-model",
        "Add a model to a depot",
        "Pack an ONNX or GGUF file, or a ModelPack of other tools, with its golden samples as an artifact.",
        (
            DEPOT,
            Argument("name", "name of the model, such as line-inspection", required=True),
            Argument("version", "version of the model, such as 1.0.0", required=True),
            Argument("file", "the ONNX or GGUF file", path=True),
            Argument(
                "oci",
                "instead of a file: an OCI image layout with a ModelPack of other tools (modctl, KitOps, Docker)",
                path=True,
            ),
            Argument(
                "oci_reference", "which model of the layout, where it holds several", metavar="REFERENCE"
            ),
            Argument("golden", "folder with golden.json and its arrays; may lie in the layout", path=True),
            Argument("labels", "text file with one label a line", path=True),
            Argument("licence", "SPDX licence expression of the model, such as Apache-2.0"),
            Argument("licence_file", "text of the licence", path=True),
            Argument("summary", "one sentence about the model", default=""),
            Argument(
                "objective",
                "what the box optimises for",
                choices=OBJECTIVES,
                default="latency",
            ),
            Argument("latency_ms", "most milliseconds that an answer may take (p50)", kind=float),
            Argument("memory_mib", "most MiB that the process that hosts it may use", kind=float),
            Argument(
                "model_signature", "an OpenSSF model signature by the model's maker (model.sig)", path=True
            ),
            Argument(
                "model_signer",
                "the maker's public key (PEM) to check it with; without it, it travels unchecked",
                path=True,
            ),
            PASSPHRASE,
        ),
        role=Role.INTEGRATOR,
        where=Where.HERE,
    ),
    Command(
        "depot.publish",
        "Write an update",
        "Sign what the depot holds and write MEDIUM/appliance-update: complete, or what one box lacks, or a share of "
        "several media.",
        (
            DEPOT,
            MEDIUM,
            PASSPHRASE,
            Argument(
                "against", "a box's receipt (or a medium with one): leave out what that box has", path=True
            ),
            Argument(
                "split_size",
                "bytes that one medium may hold, such as 8000000000: write a set",
                kind=int,
                metavar="N",
            ),
            Argument("number", "which medium of the set to write", kind=int, default=1, metavar="N"),
            Argument(
                "parity",
                "percent of each large file that can be damaged and still be repaired, up to 50",
                kind=int,
                default=0,
                metavar="N",
            ),
        ),
        role=Role.INTEGRATOR,
        where=Where.HERE,
    ),
    _here(
        "status",
        "Show the depot's status",
        "Say what expires when, who signs for what, who must sign next, and what is not published yet.",
        DEPOT,
    ),
    _here(
        "fleet",
        "Show the fleet",
        "Show every box that this depot knows from receipts. Given a medium that a box has read, check its receipt, and "
        "cosign its audit log where it continues what was seen before.",
        DEPOT,
        Argument("medium", "a medium that came back, or one receipt file", positional=True, path=True),
    ),
    _here(
        "make-key",
        "Make a signing key",
        "Make an Ed25519 key file, and beside it its public half (NAME.pub.pem) to hand to a depot.",
        Argument("file", "the key file to make, such as anna.pem", positional=True, required=True, path=True),
        PASSPHRASE,
    ),
    _here(
        "delegate",
        "Give a kind to its own people",
        "Let a role of its own vouch for one kind of artifact (models, runtimes, software, policies, knowledge, "
        "system), add keys to it, or change how many must sign. Takes effect at the next publication.",
        DEPOT,
        ROLE,
        KEYS,
        THRESHOLD,
        PASSPHRASE,
    ),
    _here(
        "rotate",
        "Give a role new keys",
        "Give a role new keys in the place of the old ones. For root, targets, snapshot and timestamp that is a new "
        "root, signed by the old root's keys and its own.",
        DEPOT,
        ROLE,
        KEYS,
        THRESHOLD,
        PASSPHRASE,
    ),
    _here(
        "revoke",
        "Revoke a key",
        "Take a key away from every role that has it. Boxes stop believing it with the next update.",
        DEPOT,
        Argument("key", "name of the key, or the beginning of its key id", positional=True, required=True),
        Argument("role", "only from this role; may be given several times", repeat=True),
        PASSPHRASE,
    ),
    _here(
        "expiry",
        "Say how long signatures last",
        "Change how long a role's signatures last, from its next signature on.",
        DEPOT,
        Argument(
            "days",
            "days, such as timestamp=90; may be given for several roles",
            required=True,
            repeat=True,
            metavar="ROLE=DAYS",
        ),
    ),
    _here(
        "request",
        "Ask for signatures",
        "Sign what changed with the keys that are here, and write what waits for other people to a file.",
        DEPOT,
        REQUEST,
        PASSPHRASE,
    ),
    _here(
        "sign",
        "Sign for a depot",
        "Say in words what waits in a file for signatures, and sign it with your key, on any machine; the file takes "
        "the signature. Without a key it is only shown.",
        REQUEST,
        Argument(
            "key",
            "your private key file, or hsm:ID?label=TOKEN; may be given several times",
            repeat=True,
            metavar="KEY",
        ),
        Argument(
            "root",
            "the depot's root that you know (N.root.json); another depot's request is refused",
            path=True,
        ),
        PASSPHRASE,
    ),
    _here(
        "collect",
        "Take signatures in",
        "Take the signatures of a file that came back; says who must sign next.",
        DEPOT,
        REQUEST,
    ),
)
