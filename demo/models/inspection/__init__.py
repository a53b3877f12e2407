"""Visual inspection of machined parts: a small network and the drawn parts it was trained on."""
