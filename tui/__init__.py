"""The terminal console. Settings that Textual reads once, when it is imported, are made here.

Animations and the Kitty keyboard protocol cost a serial line more than they give.
"""

import os

os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")
os.environ.setdefault("TEXTUAL_DISABLE_KITTY_KEY", "1")
