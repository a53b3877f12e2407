"""How far a new version has proven itself, in words."""

from appliance.console import formats
from appliance.console.text import plain
from appliance.status import SoakStatus

SOAKING = "soaking"


def soak_words(soak: SoakStatus | None) -> str:
    """One line while it soaks; empty where there is nothing to say."""
    if soak is None or soak.phase != SOAKING:
        return ""
    watched = f"{formats.duration(soak.seconds)} of {formats.duration(soak.needed_seconds)}"
    answered = formats.count(soak.requests)
    if soak.needed_requests:
        answered += f" of {formats.count(soak.needed_requests)}"
    return (
        f"soaking: {watched}, {answered} requests, {_number(soak.errors, 'error')}, {_number(soak.crashes, 'crash')}; "
        f"{plain(soak.previous, 30)} is kept until it is confirmed"
    )


def _number(count: int, word: str) -> str:
    plural = f"{word}es" if word.endswith("h") else f"{word}s"
    return f"{formats.count(count) if count else 'no'} {word if count == 1 else plural}"
