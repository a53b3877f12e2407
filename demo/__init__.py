"""The story of the README, played with the real commands; and the project's own two models."""
