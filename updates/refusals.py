"""Why metadata is refused, in the words of the person at the box."""

from updates.errors import MediumError, TrustError

_KEPT = "The box trusts what it trusted before; nothing was changed."
_OTHER_MEDIUM = "Use a medium from the depot that this box was set up with. If this is one, tell whoever keeps the depot's keys."


def refused(code: str, what: str, file: str, remedy: str = _OTHER_MEDIUM) -> TrustError:
    return TrustError(code, f"{what[:1].upper()}{what[1:]}.", kept=_KEPT, remedy=remedy, file=file)


def rollback(what: str, file: str) -> TrustError:
    return refused(
        "trust.rollback",
        f"this medium is older than what the box already has: {what}",
        file,
        "Use a newer medium; this one does no harm and can be used where it is news.",
    )


def same_version(what: str, file: str) -> TrustError:
    return refused(
        "trust.same-version-other-bytes",
        f"{what} has the version that the box knows, but other content",
        file,
        "Do not use this medium, and tell whoever keeps the depot's keys: someone has signed two things as one.",
    )


def missing(file: str) -> MediumError:
    return MediumError(
        "medium.missing-file",
        f"{file} is missing on the medium.",
        kept="Nothing on the box was changed.",
        remedy="Publish the update again and let the copy finish before the medium is pulled.",
        file=file,
    )


def too_large(file: str, limit: int) -> MediumError:
    return MediumError(
        "medium.too-large",
        f"{file} on the medium is larger than the {limit} bytes that such a file may have.",
        kept="It was not read; nothing on the box was changed.",
        remedy="Publish the update again; if it stays so, do not trust this medium.",
        file=file,
    )


def wrong_bytes(file: str, why: str, parity: str = "") -> MediumError:
    """`parity` goes on after `was changed`: what the medium's parity could not do."""
    return MediumError(
        "medium.digest-mismatch",
        f"{file} on the medium is not what was signed: {why}.",
        kept="Nothing on the box was changed.",
        remedy=f"The medium is damaged or was changed{parity}. Publish the update again, to another medium if it happens twice.",
        file=file,
    )


def truncated(file: str, found: int, wanted: int) -> MediumError:
    return MediumError(
        "medium.truncated",
        f"{file} on the medium ends after {found} of {wanted} bytes.",
        kept="Nothing on the box was changed.",
        remedy="Publish the update again and let the copy finish before the medium is pulled.",
        file=file,
    )


def next_needed(number: int, of: int, file: str) -> MediumError:
    return MediumError(
        "medium.next-needed",
        f"The update goes on on medium {number} of {of}.",
        kept="What had arrived is kept; nothing on the box was changed.",
        remedy=f"Insert medium {number} and start the import once more; it goes on where it stopped.",
        file=file,
    )


def for_another_box(file: str, box: str) -> MediumError:
    return MediumError(
        "medium.for-another-box",
        f"This medium carries only what the box {box} lacked; {file} is not on it, and not here.",
        kept="Nothing on the box was changed.",
        remedy="Publish a whole update, or one against a receipt that this box has written.",
        file=file,
    )
