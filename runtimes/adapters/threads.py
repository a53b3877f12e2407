"""How many threads are worth trying on this processor."""

import math

from runtimes.hardware.profile import Cpu


def thread_choices(cpu: Cpu) -> tuple[int, ...]:
    """Best guess first: every core this process may use, the performance cores alone, half of them, one.

    A quota of half a processor gives one thread. Where nothing is known, one thread is right everywhere.
    """
    everything = cpu.usable if cpu.usable is not None else (cpu.physical or cpu.logical or 1)
    most = max(1, math.floor(everything))
    physical = min(most, cpu.physical or most)
    choices = [min(physical, cpu.performance or physical), physical, most, most // 2, 1]
    return tuple(dict.fromkeys(n for n in choices if n >= 1))
