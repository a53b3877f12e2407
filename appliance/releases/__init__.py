"""Releases of the appliance side by side: each in an environment of its own, one of them current, the next on trial."""
