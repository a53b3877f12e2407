"""What the gateway lets a client ask for, in one place."""

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes, times in seconds. What goes beyond is refused with its name, never cut short."""

    body: int = 64 * MIB
    """One request's body."""
    bodies: int = 256 * MIB
    """All bodies held at one time; beyond it requests are told to come back later."""
    concurrent: int = 256
    """Requests answered at one time; health and metadata are always answered."""
    connections: int = 512
    """Open connections; further ones are closed at once."""
    head: int = 64 * 1024
    """Request line and headers together."""
    name: int = 256
    """Characters of a model's, version's or tensor's name, and of a request's id."""
    tensors: int = 256
    """Inputs, and requested outputs, of one inference."""
    rank: int = 16
    """Dimensions of one tensor, and so also how deep its JSON data may nest."""
    tensor: int = 64 * MIB
    """One tensor in memory, whatever form it came in."""
    messages: int = 1024
    """Turns of one conversation."""
    generated_tokens: int = 4096
    """Tokens of one generated answer."""
    head_seconds: float = 10.0
    """From a connection's first byte to the end of the headers."""
    body_seconds: float = 30.0
    """From the headers to the end of the body."""
    answer_seconds: float = 120.0
    """For one inference, and for each next piece of generated text."""
    stall_seconds: float = 30.0
    """For a client to take what is sent; one that reads no further is taken for gone."""
    idle_seconds: int = 60
    """How long a connection is kept open between requests."""
