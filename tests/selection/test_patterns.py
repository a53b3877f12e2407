"""A golden pattern is matched, and one that would never end is ended."""

import pytest

from runtimes.errors import EngineError
from runtimes.selection.patterns import finds


async def test_a_pattern_is_searched_anywhere_in_the_text() -> None:
    assert await finds(r"(?i)bearing", "Check the BEARING, then the süd-pump.")
    assert await finds("süd", "Check the bearing, then the süd-pump.")
    assert not await finds(r"^bearing", "Check the bearing.")


async def test_a_pattern_of_exponential_time_is_ended_and_named() -> None:
    with pytest.raises(EngineError) as caught:
        await finds(r"(a+)+$", "a" * 64 + "!", time_limit=0.5)
    assert caught.value.code == "golden.pattern-too-slow"
    assert "(a+)+$" in caught.value.what
