"""Runtime packs: an engine with the interpreter that its workers run under, and what is not here.

The three CPU packs live in the core's own environment; each other pack is a folder with a virtual environment of
its own. Nothing here imports an engine or starts an interpreter: names and versions come from metadata.
"""

from runtimes.packs.folder import versions_of_packs
from runtimes.packs.installed import absent_packs, broken_packs, installed_packs, interpreter_of, pack_of
from runtimes.packs.pack import AbsentPack, BrokenPack, RuntimePack

__all__ = [
    "AbsentPack",
    "BrokenPack",
    "RuntimePack",
    "absent_packs",
    "broken_packs",
    "installed_packs",
    "interpreter_of",
    "pack_of",
    "versions_of_packs",
]
