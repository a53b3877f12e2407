"""A new version proves itself in service before the old one may go: what is watched, what is allowed, what follows."""
