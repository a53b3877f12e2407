"""Errors of the updates floor, written for the person who has to act on them."""


class UpdateError(Exception):
    """Something about a medium, a depot or its trust failed.

    Attributes:
        code: a stable cause code, dotted and lower case, such as `medium.digest-mismatch`.
        what: what happened, one sentence.
        kept: what was left as it was.
        remedy: what the reader can do now.
    """

    def __init__(self, code: str, what: str, *, kept: str = "", remedy: str = "") -> None:
        super().__init__(what)
        self.code = code
        self.what = what
        self.kept = kept
        self.remedy = remedy
