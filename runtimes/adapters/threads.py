"""How many threads are worth trying on this processor, and among how many requests at once they are shared."""

import math
from collections.abc import Iterator

from runtimes.hardware.profile import Cpu

_MOST_STREAMS = 16


def thread_choices(cpu: Cpu) -> tuple[int, ...]:
    """Best guess first: every core this process may use, the performance cores alone, half of them, one.

    A quota of half a processor gives one thread. Where nothing is known, one thread is right everywhere.
    """
    everything = cpu.usable if cpu.usable is not None else (cpu.physical or cpu.logical or 1)
    most = max(1, math.floor(everything))
    physical = min(most, cpu.physical or most)
    choices = [min(physical, cpu.performance or physical), physical, most, most // 2, 1]
    return tuple(dict.fromkeys(n for n in choices if n >= 1))


def shares(cpu: Cpu) -> Iterator[tuple[int, int]]:
    """Threads and streams: each choice of threads for one request alone, then most of them for several at once.

    A stream has one thread, two or four: requests disturb each other less than the threads of one request wait for
    each other.
    """
    choices = thread_choices(cpu)
    yield from ((threads, 1) for threads in choices)
    most = max(choices)
    streams = [most // each for each in (1, 2, 4) if 2 <= most // each <= _MOST_STREAMS]
    yield from ((most // count * count, count) for count in streams)
