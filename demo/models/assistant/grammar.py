"""What the assistant knows: machines, what goes wrong with them, and the words for asking and answering.

An answer is put together from what the symptom says (cause and follow-up) and what the machine says (parts), so that
a machine and a symptom that were never asked about together still have one right answer.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Machine:
    """Its name in a sentence, the two parts to look at, and how often it is greased."""

    name: str
    first: str
    second: str
    grease: str


@dataclass(frozen=True, slots=True)
class Symptom:
    """How people say it, what it usually means, and what to do at last. `{m}` stands for the machine."""

    said: tuple[str, ...]
    means: str
    then: str


MACHINES = (
    Machine("conveyor motor", "bearing grease", "belt tension", "every 500 hours"),
    Machine("coolant pump", "suction strainer", "shaft seal", "every 1000 hours"),
    Machine("hydraulic pump", "oil level", "suction hose", "every 1000 hours"),
    Machine("vacuum pump", "exhaust filter", "oil colour", "every 2000 hours"),
    Machine("air compressor", "intake filter", "condensate drain", "every 500 hours"),
    Machine("cooling fan", "fan blades", "air duct", "every 2000 hours"),
    Machine("gearbox", "oil level", "gear teeth", "every 2000 hours"),
    Machine("spindle", "bearing preload", "tool holder", "every 250 hours"),
    Machine("drive belt", "pulley alignment", "belt tension", "never; it must stay dry"),
    Machine("chain hoist", "load chain", "brake disc", "every 250 hours"),
    Machine("hydraulic press", "pressure valve", "guide rails", "every 500 hours"),
    Machine("robot arm", "joint cable", "wrist gear", "every 1000 hours"),
    Machine("welding robot", "wire feeder", "torch cable", "every 500 hours"),
    Machine("packing machine", "seal jaws", "film guide", "every 250 hours"),
    Machine("labelling machine", "label sensor", "peel edge", "every 1000 hours"),
    Machine("filling valve", "valve seat", "air line", "every 1000 hours"),
    Machine("steam boiler", "water level", "safety valve", "never; it has no grease points"),
    Machine("mixer", "shaft seal", "paddle bolts", "every 500 hours"),
    Machine("extruder", "heater bands", "screw drive", "every 500 hours"),
    Machine("lathe", "chuck jaws", "slide ways", "every 250 hours"),
    Machine("milling machine", "tool clamp", "slide ways", "every 250 hours"),
    Machine("saw blade motor", "motor brushes", "blade guard", "every 500 hours"),
    Machine("dust extractor", "filter bags", "hose clamps", "every 2000 hours"),
    Machine("inspection camera", "lens cover", "light ring", "never; it has no grease points"),
)

SYMPTOMS = (
    Symptom(
        ("is hot", "gets too hot", "is overheating", "runs hot"),
        "too much load or too little cooling",
        "Let it cool for thirty minutes before you start it again.",
    ),
    Symptom(
        ("is noisy", "makes a loud noise", "squeals", "is very loud"),
        "a dry or worn bearing",
        "Note the sound and the speed in the log.",
    ),
    Symptom(
        ("vibrates", "is vibrating", "shakes", "vibrates a lot"),
        "a loose mount or an unbalanced part",
        "Tighten all bolts before you start it again.",
    ),
    Symptom(
        ("is leaking", "leaks", "drips", "has a leak"),
        "a worn seal or a loose joint",
        "Wipe it dry and look again after ten minutes.",
    ),
    Symptom(
        ("is slow", "runs slowly", "is too slow", "has lost speed"),
        "friction or a weak supply",
        "Measure the current and write it down.",
    ),
    Symptom(
        ("does not start", "will not start", "won't start", "is dead"),
        "no power or an open safety switch",
        "Reset the fuse only once.",
    ),
    Symptom(
        ("stops by itself", "keeps stopping", "trips", "stopped"),
        "a protection that did its work",
        "Read the alarm list before you reset it.",
    ),
    Symptom(
        ("smells burnt", "smells of smoke", "smokes", "smells"),
        "burning insulation or a slipping part",
        "Do not start it again; call an electrician.",
    ),
    Symptom(
        ("is dirty", "is full of dust", "is covered in dust", "is blocked"),
        "a filter that was changed too late",
        "Clean it with a dry cloth, never with compressed air.",
    ),
    Symptom(
        ("shows an alarm", "has an alarm", "has a red light", "reports a fault"),
        "a sensor out of its range",
        "Write down the alarm number.",
    ),
)

ASKED = (
    "The {m} {s}. What should I check?",
    "My {m} {s}. What now?",
    "The {m} {s}, what should I do?",
    "What do I check when the {m} {s}?",
    "Help, the {m} {s}.",
    "Why is it that the {m} {s}?",
    "The {m} on line two {s}.",
    "What does it mean when the {m} {s}?",
)
ANSWERED = (
    "It often means {means}. Stop the {m} and lock it out. Then check the {first} and the {second}. {then}"
)

GREASE_ASKED = (
    "How often do I grease the {m}?",
    "When should I grease the {m}?",
    "What is the grease interval of the {m}?",
    "Does the {m} need grease?",
)
GREASE_ANSWERED = "Grease the {m} {grease}. Use only the grease named on its plate."

PARTS_ASKED = (
    "Which parts of the {m} wear out?",
    "Which spare parts do I need for the {m}?",
    "What should I inspect on the {m} every month?",
)
PARTS_ANSWERED = "On the {m}, look at the {first} and the {second} every month, and keep spares of both."

FIXED: tuple[tuple[tuple[str, ...], str], ...] = (
    (
        ("Hello", "Hi", "Good morning", "Hello, who are you?", "Who are you?", "What are you?"),
        "I am the maintenance assistant of this appliance. Ask me about a machine or about this box.",
    ),
    (
        ("What can you do?", "How can you help me?", "What do you know?"),
        "I can tell you what to check on a machine, how often to grease it, and how to update this box.",
    ),
    (
        ("How do I import an update?", "How do I update this box?", "How does an update come in?"),
        "Insert the stick and import the update from the console. Pull the stick only when the console says so.",
    ),
    (
        ("When may I pull the stick?", "Can I pull the stick now?", "When can I remove the stick?"),
        "Wait until the console says that the medium may be pulled. Then it is safe.",
    ),
    (
        ("How do I undo a bad update?", "The update is bad, what now?", "How do I go back?"),
        "Call an admin and go back to the version before. Nothing of it was deleted.",
    ),
    (
        ("Who changed the settings?", "Where is the audit log?", "How do I check the audit log?"),
        "Open the audit page. It lists who did what, and it can verify itself.",
    ),
    (
        ("Does this box need a network?", "Is this box online?", "Does it send data out?"),
        "No. This box works without a network, and nothing leaves it.",
    ),
    (
        ("Thanks", "Thank you", "Thanks a lot", "Bye", "Goodbye"),
        "You are welcome. Stay safe.",
    ),
    (
        (
            "What is the capital of France?",
            "Tell me a joke.",
            "What is the weather?",
            "Who won the game?",
            "Write a poem.",
            "What is two plus two?",
            "Sing a song.",
            "What is love?",
        ),
        "I only know about maintenance. Ask me about a machine or about this box.",
    ),
)
