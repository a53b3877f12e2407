"""What one audit entry says, and the exact bytes it is hashed and kept as."""

import unicodedata
from collections.abc import Mapping
from enum import StrEnum
from hashlib import sha256
from typing import Any

import msgspec

FIELD_LIMIT = 256
"""Characters of a plain field; a longer one is cut, with its length and digest left in its place."""
DETAIL_LIMIT = 2_000
"""Characters of one text in the details."""
DETAILS_LIMIT = 16_384
"""Bytes of all details together, in canonical form."""

_SAFE_INTEGER = 2**53 - 1
_encoder = msgspec.json.Encoder(order="sorted")
_decoder: "msgspec.json.Decoder[Entry]"


class Outcome(StrEnum):
    OK = "ok"
    REFUSED = "refused"
    """Somebody was not allowed to, or something was not trusted."""
    FAILED = "failed"


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """Who did what, with which outcome. Empty where there is nothing to say."""

    time: str
    """ISO 8601, UTC."""
    time_source: str
    """What `time` rests on: the box's own `clock`, the newest `signed` time, or the `build` of the software."""
    actor: str
    """Account name, or `uid:1000`, or `appliance` itself."""
    action: str
    """The command's id, such as `update.import`, or an event such as `worker.crashed`."""
    outcome: Outcome
    role: str = ""
    session: str = ""
    subject: str = ""
    subject_digest: str = ""
    """`sha256:…` of the bytes concerned."""
    cause: str = ""
    """The cause code where the outcome is not `ok`."""
    correlation: str = ""
    """The same in all entries, events and answers that belong to one call."""
    details: Mapping[str, Any] = {}


_decoder = msgspec.json.Decoder(Entry)


def canonical(entry: Entry) -> bytes:
    """The entry as canonical JSON (RFC 8785): sorted keys, no spaces, UTF-8, integers only.

    Made safe to show on the way: control, format and unassigned characters (line breaks, escape sequences,
    right-to-left marks) become visible escapes such as `\\u202e`, floats and large integers become decimal
    strings, and what is over a limit is cut to its beginning, its length and its SHA-256.
    Raises TypeError for a detail that is no JSON value.
    """
    fields = {
        name: _text(value, FIELD_LIMIT)
        for name in _TEXT_FIELDS
        if (value := getattr(entry, name)) or name in _REQUIRED
    }
    fields["outcome"] = entry.outcome.value
    return _encoder.encode({**fields, "details": _details(entry.details)} if entry.details else fields)


def parse(data: bytes) -> Entry:
    """The entry that canonical bytes hold. Raises msgspec.DecodeError or ValidationError."""
    return _decoder.decode(data)


_TEXT_FIELDS = tuple(name for name in Entry.__struct_fields__ if name not in ("outcome", "details"))
_REQUIRED = frozenset({"time", "time_source", "actor", "action"})


def _details(details: Mapping[str, Any]) -> Any:
    safe = _safe(details)
    data = _encoder.encode(safe)
    if len(data) <= DETAILS_LIMIT:
        return safe
    return {"cut": f"{len(data)} bytes", "sha256": sha256(data).hexdigest()}


def _safe(value: Any) -> Any:
    match value:
        case str():
            return _text(value, DETAIL_LIMIT)
        case None | bool():
            return value
        case int():
            return value if -_SAFE_INTEGER <= value <= _SAFE_INTEGER else str(value)
        case float():
            return repr(value)
        case Mapping():
            return {_key(str(key)): _safe(item) for key, item in value.items()}
        case list() | tuple():
            return [_safe(item) for item in value]
    raise TypeError(f"an audit entry cannot hold a {type(value).__name__}")


def _text(text: str, limit: int) -> str:
    if len(text) > limit:
        whole = text.encode("utf-8", "surrogatepass")
        return f"{_visible(text[:limit])}… ({len(whole)} bytes, sha256 {sha256(whole).hexdigest()})"
    return _visible(text)


def _key(key: str) -> str:
    """ASCII, of which every implementation of RFC 8785 has the same order."""
    visible = _text(key, FIELD_LIMIT)
    return visible if visible.isascii() else "".join(c if c.isascii() else _escape(c) for c in visible)


def _visible(text: str) -> str:
    if text.isascii() and text.isprintable() and "\\" not in text:
        return text
    return "".join(map(_visible_character, text))


def _visible_character(character: str) -> str:
    if character == "\\":
        return "\\\\"
    if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"):
        return _escape(character)
    return character


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
