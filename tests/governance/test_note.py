"""Signed notes against known notes of other implementations."""

from base64 import b64decode

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from appliance.audit.note import VerifierKey, check_name, sign, split, verify
from appliance.errors import ApplianceError

# From the tests of Go's golang.org/x/mod/sumdb/note.
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
NOTE = (
    TEXT
    + "\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
PETERS_PRIVATE_KEY = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
# From the documentation of another implementation (signed_note, Elixir).
EXAMPLE = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
EXAMPLE_NOTE = (
    "This is an example message.\n"
    "\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)


@pytest.mark.parametrize(("key", "note"), [(PETER, NOTE), (EXAMPLE, EXAMPLE_NOTE)])
def test_notes_of_other_implementations_verify(key: str, note: str) -> None:
    verifier = VerifierKey.parse(key)
    assert str(verifier) == key
    assert verify(note, verifier) == note.partition("\n\n")[0] + "\n"


def test_the_same_key_signs_the_same_bytes() -> None:
    private = Ed25519PrivateKey.from_private_bytes(b64decode(PETERS_PRIVATE_KEY)[1:])
    assert sign(TEXT, "PeterNeumann", private) == NOTE


def test_a_changed_text_is_forged() -> None:
    assert_refused("note.forged", NOTE.replace("answer", "question"))


def test_a_changed_signature_is_forged() -> None:
    assert_refused("note.forged", NOTE.replace("ZJkuBS9", "ZJkuBS8"))


def test_a_second_wrong_signature_of_the_same_key_is_not_ignored() -> None:
    assert_refused("note.forged", NOTE + NOTE.splitlines(keepends=True)[-1].replace("ZJkuBS9", "ZJkuBS8"))


def test_signatures_of_others_are_ignored() -> None:
    others = EXAMPLE_NOTE.splitlines(keepends=True)[-1]
    assert verify(NOTE + others, VerifierKey.parse(PETER)) == TEXT
    assert_refused("note.unsigned", TEXT + "\n" + others)


def test_the_name_alone_does_not_make_a_signature_ours() -> None:
    assert_refused(
        "note.unsigned",
        TEXT + "\n" + EXAMPLE_NOTE.splitlines(keepends=True)[-1].replace("example.com/foo", "PeterNeumann"),
    )


@pytest.mark.parametrize(
    "note",
    [
        "",
        TEXT,
        TEXT + "\n",
        NOTE[:-1],
        NOTE.replace("— ", "- "),
        NOTE.replace("PeterNeumann ", "PeterNeumann  "),
        NOTE.replace("x08go", "x08\tgo"),
        NOTE.replace("answer", "ans\x1bwer"),
        NOTE[:-1] + " more\n",
        TEXT + "\n— PeterNeumann AAAA\n",
        TEXT + "\n— PeterNeumann not-base64!\n",
        TEXT * 1_000 + "\n— PeterNeumann " + "A" * 96 + "\n",
    ],
)
def test_what_is_no_note_is_refused(note: str) -> None:
    assert_refused("note.malformed", note)


@pytest.mark.parametrize("name", ["", "two words", "a+b", "a\u2003b", "line\nbreak", "\x00"])
def test_names_that_a_note_cannot_carry_are_refused(name: str) -> None:
    with pytest.raises(ApplianceError) as caught:
        check_name(name)
    assert caught.value.code == "note.name"


@pytest.mark.parametrize(
    "key",
    [
        "",
        "PeterNeumann",
        PETER.replace("c74f20a3", "c74f20a4"),
        PETER[:-4],
        PETER.replace("+AR", "+CR"),
        PETER + "A",
    ],
)
def test_a_mistyped_verifier_key_is_refused(key: str) -> None:
    with pytest.raises(ApplianceError) as caught:
        VerifierKey.parse(key)
    assert caught.value.code == "note.key"


@pytest.mark.parametrize("text", ["no line break", "tab\there\n"])
def test_a_text_that_is_no_note_text_is_not_signed(text: str) -> None:
    with pytest.raises(ValueError, match="line break"):
        sign(text, "box", Ed25519PrivateKey.generate())


def test_the_text_may_hold_empty_lines() -> None:
    private = Ed25519PrivateKey.generate()
    text = "one\n\n\ntwo\n"
    assert split(sign(text, "box", private))[0] == text


def assert_refused(code: str, note: str) -> None:
    with pytest.raises(ApplianceError) as caught:
        verify(note, VerifierKey.parse(PETER))
    assert caught.value.code == code
