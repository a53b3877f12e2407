"""How a model's evidence reads on a terminal."""

from collections.abc import Callable, Iterator
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from appliance import evidence_results as results
from appliance.cli.layout import add_row, facts, table_of
from appliance.console.formats import NA, count
from appliance.console.text import plain


def _evidence(found: results.ModelEvidence) -> Iterator[RenderableType]:
    yield f"Evidence for {found.name} {found.version}"
    yield facts(
        ("licence", found.licence or NA),
        (
            "bill of materials",
            NA if found.components is None else f"CycloneDX, {count(found.components)} files",
        ),
        ("packed by", f"{found.builder} with {found.tool}" if found.builder else NA),
        ("provenance signed by", ", ".join(found.signers) or "nobody; the signed targets vouch for it"),
        ("maker's signature", _signature(found)),
    )
    if found.sources:
        table = table_of("packed from", "sha256", wide=("packed from",))
        for source in found.sources:
            add_row(table, source.name, source.sha256)
        yield table
    for problem in found.unreadable:
        yield Text(plain(problem, 2000), "yellow")


def _signature(found: results.ModelEvidence) -> str:
    if found.model_signature is None:
        return "none"
    over = "these weights" if found.signature_covers else "OTHER FILES THAN THESE WEIGHTS"
    if found.signature_checked_with is None:
        return f"over {over}; checked by nobody"
    return f"over {over}; checked at the depot with the key {found.signature_checked_with[:16]}"


READERS: dict[type, Callable[[Any], Iterator[RenderableType]]] = {results.ModelEvidence: _evidence}
