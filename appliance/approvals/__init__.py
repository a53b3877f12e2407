"""What needs more than one person: asked for, approved or refused by others, used once, and void after a time."""
