"""The desktop console's pages."""
