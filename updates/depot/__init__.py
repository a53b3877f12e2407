"""The connected side: where updates are put together, signed and written to a medium."""
