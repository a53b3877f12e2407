"""Canonical bytes of an entry: exact, bounded, and harmless on any screen."""

import json
from enum import StrEnum
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.audit.entry import DETAIL_LIMIT, DETAILS_LIMIT, FIELD_LIMIT, Outcome, canonical, parse
from tests.governance.evidence import entry

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def test_keys_are_sorted_and_empty_fields_left_out() -> None:
    data = canonical(entry("line-inspection", details={"b": 1, "a": [True, None]}))
    assert data == (
        b'{"action":"deploy","actor":"ann","details":{"a":[true,null],"b":1},"outcome":"ok",'
        b'"subject":"line-inspection","time":"2026-11-21T11:00:00Z","time_source":"clock"}'
    )


def test_text_is_kept_as_utf_8() -> None:
    assert "Prüfstraße 3 — ✓ 検査".encode() in canonical(entry("Prüfstraße 3 — ✓ 検査"))


@given(st.dictionaries(st.text(max_size=8), JSON_VALUES, max_size=4), st.text(max_size=300))
def test_any_entry_is_one_line_of_canonical_json(details: dict[str, Any], subject: str) -> None:
    data = canonical(entry(subject, details=details))
    text = data.decode()
    again = json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert again == text
    assert len(text.splitlines()) == 1
    assert canonical(parse(data)).count(b"\n") == 0


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("a\nb", "a\\u000ab"),
        ("\x1b[2J\x07", "\\u001b[2J\\u0007"),
        ("\x9b31m", "\\u009b31m"),
        ("user\u202egpj.exe", "user\\u202egpj.exe"),
        ("\u2066\u200f\ufeff", "\\u2066\\u200f\\ufeff"),
        ("a\u2028b\u2029c", "a\\u2028b\\u2029c"),
        ("\udc80 from a file name", "\\udc80 from a file name"),
        ("\U000e0041", "\\U000e0041"),
        ("back\\slash", "back\\\\slash"),
    ],
)
def test_what_could_deceive_a_reader_becomes_a_visible_escape(typed: str, shown: str) -> None:
    logged = parse(canonical(entry(typed, actor=typed, details={typed: [typed]})))
    assert logged.subject == logged.actor == shown
    assert logged.details == {shown: [shown]}


def test_a_comment_of_100_megabytes_is_cut_with_its_length_and_digest() -> None:
    comment = "x\n" * 50_000_000
    data = canonical(entry(comment, details={"comment": comment}))
    assert len(data) < 10 * (FIELD_LIMIT + DETAIL_LIMIT)
    proof = f"… (100000000 bytes, sha256 {sha256(comment.encode()).hexdigest()})"
    logged = parse(data)
    assert logged.subject == "x\\u000a" * (FIELD_LIMIT // 2) + proof
    assert logged.details["comment"].endswith(proof)


def test_details_over_their_limit_are_replaced_by_their_digest() -> None:
    logged = parse(canonical(entry(details={"files": [f"file {number}" for number in range(5_000)]})))
    assert set(logged.details) == {"cut", "sha256"}
    assert int(logged.details["cut"].split()[0]) > DETAILS_LIMIT


def test_numbers_that_readers_could_round_become_text() -> None:
    logged = parse(canonical(entry(details={"p50": 0.1, "nan": float("nan"), "big": 2**53, "ok": 2**53 - 1})))
    assert logged.details == {"p50": "0.1", "nan": "nan", "big": str(2**53), "ok": 2**53 - 1}


def test_enumerations_are_written_as_their_values() -> None:
    class Kind(StrEnum):
        MODEL = "model"

    assert parse(canonical(entry(Kind.MODEL, details={"kind": Kind.MODEL}))).details == {"kind": "model"}


def test_a_detail_that_is_no_json_is_a_mistake() -> None:
    with pytest.raises(TypeError, match="bytes"):
        canonical(entry(details={"raw": b"\x00"}))


def test_all_fields_come_back() -> None:
    full = entry(
        role="admin",
        session="s-1",
        subject_digest="sha256:00",
        outcome=Outcome.REFUSED,
        cause="trust.rollback",
        correlation="c-1",
        details={"version": 3},
    )
    assert parse(canonical(full)) == full


def test_an_entry_of_a_later_release_can_still_be_listed() -> None:
    data = canonical(entry("line-inspection")).replace(b'"outcome"', b'"new_field":1,"outcome"')
    assert parse(data).subject == "line-inspection"
