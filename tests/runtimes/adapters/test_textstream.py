"""Text is given out as soon as it is certain, never earlier."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtimes.adapters.textstream import TextStream


def test_a_character_spread_over_tokens_comes_out_whole() -> None:
    stream = TextStream()
    assert [stream.feed(bytes([b])) for b in "é€".encode()] == ["", "é", "", "", "€"]


def test_bytes_that_are_no_text_become_replacement_characters() -> None:
    stream = TextStream()
    assert stream.feed(b"a\xffb") == "a�b"
    assert stream.feed(b"\xe2\x82") == ""
    assert stream.finish() == "�"


def test_what_could_become_a_stop_string_is_held_back() -> None:
    stream = TextStream(["END"])
    assert [stream.feed(piece) for piece in (b"the E", b"N", b"emy", b" EN", b"D of")] == [
        "the ",
        "",
        "ENemy",
        " ",
        "",
    ]
    assert stream.stopped
    assert stream.finish() == ""


def test_what_was_held_back_comes_out_at_the_end() -> None:
    stream = TextStream(["END"])
    assert stream.feed(b"the EN") == "the "
    assert stream.finish() == "EN"
    assert not stream.stopped


@pytest.mark.parametrize("stop", [["bc", "c"], ["c", "bc"]])
def test_of_stop_strings_that_end_together_the_longest_counts(stop: list[str]) -> None:
    stream = TextStream(stop)
    assert stream.feed(b"abcd") == "a"


def test_an_empty_stop_string_stops_nothing() -> None:
    assert TextStream([""]).feed(b"abc") == "abc"


@settings(deadline=None)
@given(st.text("abé", max_size=30), st.lists(st.text("abé", min_size=1, max_size=4), max_size=3), st.data())
def test_however_the_bytes_are_cut_the_text_is_the_same(
    text: str, stop: list[str], data: st.DataObject
) -> None:
    raw = text.encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=6)))
    pieces = [raw[a:b] for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    stream = TextStream(stop)

    given_out = "".join(stream.feed(piece) for piece in pieces) + stream.finish()

    found = [(text.find(s) + len(s), text.find(s)) for s in stop if s in text]
    assert given_out == text[: min(found)[1] if found else None]
