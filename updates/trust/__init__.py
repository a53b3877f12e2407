"""Whom this box believes: The Update Framework's client workflow as rules without I/O."""
