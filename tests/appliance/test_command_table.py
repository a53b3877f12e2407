"""The one command table: what it promises, everywhere it is used."""

import inspect
import re

import msgspec
import pytest

from appliance.cli import tables
from appliance.cli.parser import build_parser
from appliance.console.commands import Command, Where
from appliance.console.depot_commands import OBJECTIVES
from appliance.console.table import BY_ID, TABLE
from appliance.operations.carrying import checked
from appliance.operations.table import OPERATIONS, operation
from runtimes.selection import plan as selection
from updates import models

every_command = pytest.mark.parametrize("command", TABLE, ids=lambda command: command.id)


def test_every_command_has_an_operation_and_every_operation_a_command() -> None:
    assert set(OPERATIONS) == {command.id for command in TABLE}
    assert len(BY_ID) == len(TABLE)


@every_command
def test_an_operation_takes_exactly_the_arguments_that_the_table_names(command: Command) -> None:
    parameters = inspect.signature(operation(command.id).run).parameters
    assert [name for name in parameters if name != "context"] == [a.name for a in command.arguments]


@every_command
def test_commands_on_the_box_are_coroutines_and_the_others_are_not(command: Command) -> None:
    assert operation(command.id).coroutine == (command.where is not Where.HERE)


@every_command
def test_every_result_has_a_json_schema_and_words_for_people(command: Command) -> None:
    result = operation(command.id).result
    assert msgspec.json.schema(result)
    assert result in tables.READERS


@every_command
def test_titles_are_imperatives_and_helps_are_sentences(command: Command) -> None:
    assert re.fullmatch(r"[A-Z][^.]*", command.title)
    assert command.help.endswith(".")
    assert all(argument.help and not argument.help.endswith(".") for argument in command.arguments)


@every_command
def test_the_command_line_knows_every_command(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        build_parser(TABLE, "0").parse_args([*command.id.split("."), "--help"])
    assert stop.value.code == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "--state-dir" in shown
    assert "--json" in shown


def test_no_two_commands_share_a_key() -> None:
    keys = [command.key for command in TABLE if command.key]
    assert len(keys) == len(set(keys))


def test_what_destroys_also_changes() -> None:
    assert all(command.changes for command in TABLE if command.destructive)


def test_arguments_from_the_socket_are_checked_and_completed() -> None:
    deploy = BY_ID["deploy"]
    assert checked(deploy, {"name": "m"}) == {
        "name": "m",
        "version": None,
        "budget": 20.0,
        "objective": None,
        "measure_again": False,
    }


def test_the_objectives_are_the_same_in_the_depot_the_consoles_and_the_selection() -> None:
    assert tuple(map(str, selection.Objective)) == tuple(map(str, models.Objective)) == OBJECTIVES
