"""How many rows each panel of the home screen gets."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wish:
    """A panel's rows: what it needs to say its essence, and what it would fill."""

    name: str
    least: int
    wanted: int


def share(rows: int, wishes: Sequence[Wish]) -> dict[str, int]:
    """Share `rows` out: everybody's least first, then by the order of the wishes.

    Where not even the least fits, the last panels lose theirs.
    """
    given: dict[str, int] = {}
    left = rows
    for wish in wishes:
        given[wish.name] = min(left, wish.least, wish.wanted)
        left -= given[wish.name]
    for wish in wishes:
        more = min(left, wish.wanted - given[wish.name])
        given[wish.name] += max(0, more)
        left -= max(0, more)
    return given
