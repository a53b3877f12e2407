"""Signing keys on PKCS #11 tokens: ECDSA on P-256 or P-384, through securesystemslib's HSMSigner.

A token's key is named `hsm:ID?label=LABEL`, both parts optional; the environment variable PYKCS11LIB names the token's
library. `python-pkcs11` is needed where a token signs, and nowhere else: no box needs it.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar
from urllib.parse import parse_qsl, urlparse

from securesystemslib.exceptions import UnsupportedLibraryError
from securesystemslib.signer import HSMSigner, Signature, SSlibKey

from updates.errors import DepotError
from updates.trust.metadata import KEY_NAME

AskPassphrase = Callable[[str], bytes]
"""Asked for what opens a key: the passphrase of an encrypted file, the PIN of a token. Told which."""

T = TypeVar("T")

_SCHEME = f"{HSMSigner.SCHEME}:"


class TokenSigner(HSMSigner):
    """An HSMSigner whose failures are told in the house's words."""

    def sign(self, payload: bytes) -> Signature:
        """Raises: DepotError: `depot.token`, `depot.key-locked`."""
        return _told(lambda: super(TokenSigner, self).sign(payload), self.token_label or "the token")


def is_token(reference: str | Path) -> bool:
    return str(reference).startswith(_SCHEME)


def token_label(uri: str) -> str:
    return dict(parse_qsl(urlparse(uri).query)).get("label", "")


def open_token(uri: str, name: str, ask: AskPassphrase | None) -> TokenSigner:
    """Find a token's key; the PIN is asked for when it signs.

    Raises:
        DepotError: `depot.token`: no such token, key or library; `depot.key-locked`: the PIN is wrong or was not given.
    """
    found = _public(uri, ask)
    public = SSlibKey(found.keyid, found.keytype, found.scheme, found.keyval, {KEY_NAME: name})
    keyid, label = _parse(uri)
    return TokenSigner(keyid, public, _pin(uri, ask), label)


def token_is_here(uri: str) -> bool:
    try:
        _public(uri, None)
    except DepotError:
        return False
    return True


def _public(uri: str, ask: AskPassphrase | None) -> SSlibKey:
    keyid, label = _parse(uri)
    handler = None if ask is None else _pin(uri, ask)
    return _told(lambda: HSMSigner.import_(keyid, label, handler), uri)[1]


def _parse(uri: str) -> tuple[int, str | None]:
    parsed = urlparse(uri)
    try:
        keyid = int(parsed.path) if parsed.path else HSMSigner.SCHEME_KEYID
    except ValueError as error:
        raise _failed(uri, "its key id is no number") from error
    return keyid, token_label(uri) or None


def _pin(uri: str, ask: AskPassphrase | None) -> Callable[[str], str]:
    def pin(_: str) -> str:
        if ask is None:
            raise _locked(uri, "no PIN was given")
        return ask(uri).decode()

    return pin


def _told(act: Callable[[], T], what: str) -> T:
    try:
        return act()
    except UnsupportedLibraryError as error:
        raise _failed(what, "python-pkcs11 is not installed here") from error
    except ValueError as error:
        raise _failed(what, str(error)) from error
    except Exception as error:
        if not type(error).__module__.startswith("pkcs11"):
            raise
        if type(error).__name__.startswith("Pin"):
            raise _locked(what, f"the token says {type(error).__name__}") from error
        raise _failed(what, f"the token says {type(error).__name__}") from error


def _locked(what: str, why: str) -> DepotError:
    return DepotError(
        "depot.key-locked",
        f"The key on {what} stays closed: {why}.",
        kept="Nothing was signed.",
        remedy="Give the PIN of this token; most tokens lock themselves after a few wrong ones.",
    )


def _failed(what: str, why: str) -> DepotError:
    return DepotError(
        "depot.token",
        f"{what} cannot sign: {why}.",
        kept="Nothing was signed.",
        remedy="Plug the token in, set PYKCS11LIB to its library, and install `python-pkcs11` (the extra `token`).",
    )
