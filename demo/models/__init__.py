"""The two models this project ships, with the scripts that made them."""
