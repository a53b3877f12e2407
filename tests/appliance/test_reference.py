"""The written reference is what the command table says."""

from pathlib import Path

from appliance.cli.reference import command_reference, results_schema

DOCS = Path(__file__).parents[2] / "docs"


def test_the_command_reference_is_up_to_date() -> None:
    assert (DOCS / "cli.md").read_text() == command_reference(), "run ./dev docs"


def test_the_results_schema_is_up_to_date() -> None:
    assert (DOCS / "results.schema.json").read_bytes() == results_schema(), "run ./dev docs"
