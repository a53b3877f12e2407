"""Where updates arrive: mounted media and an inbox folder."""
