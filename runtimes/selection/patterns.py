"""Matching a golden sample's pattern without letting it run for ever.

A regular expression can take exponential time, and `re` cannot be interrupted: so it runs in a process of its own.
"""

import asyncio
import json
import sys

from runtimes.errors import EngineError

TIME_LIMIT = 5.0
"""Seconds; an ordinary pattern over a few thousand characters takes microseconds."""

_FOUND, _NOT_FOUND = 10, 11
_PROGRAM = (
    "import json, re, sys; pattern, text = json.load(sys.stdin); "
    f"sys.exit({_FOUND} if re.search(pattern, text) else {_NOT_FOUND})"
)


async def finds(pattern: str, text: str, time_limit: float = TIME_LIMIT) -> bool:
    """Whether the pattern finds something in the text. Raises EngineError `golden.pattern-too-slow`."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-I", "-S", "-c", _PROGRAM),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(time_limit):
            await process.communicate(json.dumps([pattern, text]).encode())
    except TimeoutError:
        pass
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode not in (_FOUND, _NOT_FOUND):
        raise EngineError(
            "golden.pattern-too-slow",
            f"The pattern {pattern!r} could not be matched within {time_limit:g} s.",
            remedy="Write it without nested repetition, such as (a+)+, and pack the model again.",
        )
    return process.returncode == _FOUND
