"""JSON from a medium, read strictly; and the one way this house writes it.

Strict means: bounded in bytes, depth and digits, no key twice in an object, no fraction, no NaN. A reader that is
looser than the signer's tools lets one file mean two things.
"""

import json
from typing import Any, NoReturn

from updates.errors import MediumError

MAX_DEPTH = 32
_MAX_DIGITS = 18


def to_bytes(value: Any) -> bytes:
    """Write JSON in one form only: sorted keys, no space, ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode("ascii")


def parse_object(data: bytes, file: str) -> dict[str, Any]:
    """Read the JSON object in `data`, which came from `file`.

    Raises:
        MediumError: `medium.malformed`.
    """
    try:
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_object_without_duplicates,
            parse_constant=_refuse,
            parse_float=_refuse,
            parse_int=_short_integer,
        )
        if b"\\u" in data:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
        _check_depth(value)
    except (ValueError, RecursionError) as error:
        raise malformed(file, str(error)) from error
    if not isinstance(value, dict):
        raise malformed(file, "it holds no JSON object")
    return value


def malformed(file: str, why: str) -> MediumError:
    return MediumError(
        "medium.malformed",
        f"{file} on the medium is not readable: {why[:200]}.",
        kept="Nothing on the box was changed.",
        remedy="Publish the update again and check the medium; if it stays so, do not trust this medium.",
        file=file,
    )


def _object_without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return result


def _refuse(text: str) -> NoReturn:
    raise ValueError(f"{text[:20]} is not allowed")


def _short_integer(text: str) -> int:
    if len(text) > _MAX_DIGITS:
        raise ValueError(f"an integer of {len(text)} digits")
    return int(text)


def _check_depth(value: Any) -> None:
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            raise ValueError(f"nested deeper than {MAX_DEPTH} levels")
        below: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                below.extend(item.values())
            elif isinstance(item, list):
                below.extend(item)
        level = below
