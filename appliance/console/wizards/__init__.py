"""Tasks that take more than one step, as state machines without widgets."""
