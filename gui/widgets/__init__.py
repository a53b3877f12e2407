"""The parts that the desktop console's pages are made of."""
