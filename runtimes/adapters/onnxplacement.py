"""Which execution provider each node of a loaded graph was given to, as onnxruntime tells it.

With an accelerator's provider registered, onnxruntime gives nodes that the provider has no kernel for to the CPU and
says nothing; `get_providers()` names what is registered, not what runs. The assignment itself is told by
`get_provider_graph_assignment_info` (onnxruntime 1.24 and newer, session configuration
`session.record_ep_graph_assignment_info`), as it stands after the basic optimisations.
"""

from collections import Counter
from dataclasses import dataclass

import onnxruntime

CPU_PROVIDER = "CPUExecutionProvider"
RECORD = "session.record_ep_graph_assignment_info"
REFUSE_CPU = "session.disable_cpu_ep_fallback"
CPU_REFUSED = "fallback to CPU EP has been explicitly disabled"
"""What onnxruntime says where REFUSE_CPU made it give up."""

_NAMED = 5
"""Operators named in a sentence."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Provider -> operator -> number of nodes."""

    operators: dict[str, Counter[str]]

    def nodes(self, provider: str) -> int:
        return self.operators.get(provider, Counter()).total()

    @property
    def text(self) -> str:
        """`CUDA 118, CPU 3 (Shape 2, Gather 1)`: the operators of the CPU are named where others compute too."""
        return ", ".join(self._share(provider) for provider in sorted(self.operators, key=_cpu_last))

    def _share(self, provider: str) -> str:
        operators = self.operators[provider]
        share = f"{provider.removesuffix('ExecutionProvider')} {operators.total()}"
        if provider != CPU_PROVIDER or len(self.operators) == 1:
            return share
        named = ", ".join(f"{name} {count}" for name, count in operators.most_common(_NAMED))
        return f"{share} ({named}{', …' if len(operators) > _NAMED else ''})"


def placement(session: onnxruntime.InferenceSession) -> Placement:
    """Of a session that was made with RECORD."""
    operators: dict[str, Counter[str]] = {}
    for part in session.get_provider_graph_assignment_info():
        operators.setdefault(part.ep_name, Counter()).update(node.op_type for node in part.get_nodes())
    return Placement(operators)


def _cpu_last(provider: str) -> tuple[bool, str]:
    return provider == CPU_PROVIDER, provider
