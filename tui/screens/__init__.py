"""The terminal console's screens."""
