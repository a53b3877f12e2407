"""Telling an engine's out-of-memory from its other failures: they have no common exception."""

_WORDS = ("bad_alloc", "failed to allocate", "out of memory", "cannot allocate", "bad allocation")


def memory_ran_out(error: BaseException) -> bool:
    text = str(error).lower()
    return isinstance(error, MemoryError) or any(words in text for words in _WORDS)
