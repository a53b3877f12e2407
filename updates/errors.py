"""Errors of the updates floor, written for the person who has to act on them."""


class UpdateError(Exception):
    """Something about a medium, a depot or its trust failed.

    Attributes:
        code: a stable cause code, dotted and lower case, such as `medium.digest-mismatch`.
        what: what happened, one sentence.
        kept: what was left as it was.
        remedy: what the reader can do now.
        file: the file concerned, relative to the folder `appliance-update` where it lies on a medium.
    """

    def __init__(self, code: str, what: str, *, kept: str = "", remedy: str = "", file: str = "") -> None:
        super().__init__(what)
        self.code = code
        self.what = what
        self.kept = kept
        self.remedy = remedy
        self.file = file


class MediumError(UpdateError):
    """The medium cannot be read, is not complete, or a file on it is not what the signed metadata says."""


class TrustError(UpdateError):
    """The signed metadata of a medium does not earn this box's trust."""


class StoreError(UpdateError):
    """The box's own disk failed: it is full, or cannot be written."""


class DepotError(UpdateError):
    """The depot cannot do what it was asked; nothing was signed."""
