"""Accounts of a test box, each with a password that its owner has chosen."""

from pathlib import Path

from tests.appliance.cli import Cli


class People:
    """Makes accounts and names the files that their passwords are read from."""

    def __init__(self, box: Cli, folder: Path) -> None:
        self._box = box
        self._folder = folder

    def add(self, name: str, role: str = "admin") -> None:
        first = self._file(f"{name}-first", self._box.ok("accounts", "add", name, "--role", role)["password"])
        own = self._file(name, f"the password of {name}")
        self._box.ok("accounts", "password", name, "--password-file", first, "--new-file", own)

    def acting(self, name: str) -> tuple[str, ...]:
        """The words of the command line that say who."""
        return "--account", name, "--password-file", str(self._folder / name)

    def mistaken(self, name: str) -> tuple[str, ...]:
        return "--account", name, "--password-file", self._file("wrong", "not the password")

    def _file(self, name: str, text: str) -> str:
        path = self._folder / name
        path.write_text(f"{text}\n")
        return str(path)
