"""The patterns of strangers: the matches of `re`, and an end to all of them."""

from __future__ import annotations

import re
import sys
import time
import unicodedata
from contextlib import suppress

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from attnaudit.data import pattern as module
from attnaudit.data.pattern import Pattern

TEXTS = (
    "The film wasn't bad -- really, a 7.5/10! See [this] {one}_two e{e<=1} #tag @you \\n a||b",
    "na\u00efve cafe\u0301 \u0928\u092e\u0938\u094d\u0924\u0947 \u4f60\u597d\uff0c\u4e16\u754c",
    "\u00dfSS K\u212a\u017f x\u00b2 \u2163 \u203f\uff3f \U0001f600 \u00a0\u3000.",
    "tab\tline\nfile\x1cgroup\x1drecord\x1eunit\x1f next\x85 sep\u2028par\u2029 zero\u200bwidth",
    "end\r\n",
    "",
    "_",
    "A",
)
SHIPPED = (
    r"\w+",
    r"\S+",
    r"\w+|[^\w\s]",
    r"(\w)\w*|[.!]",
    r"\b|o",
    "..",
    "a+",
)
SANE = (
    *SHIPPED,
    r"[^\W\d_]+|\d+",
    r"\b\w\w+\b",
    r"\B\w",
    r"[\w'-]+|[^\w\s]",
    r"[\s\S]{3}",
    r"[^\S\n]+",
    r"[\D]+",
    r"[\W_]+",
    r"[]a[]+|[^]]",
    r"[a\]\-z]+",
    r"e{e<=1}",
    r"\w{,3}x|o{2,}|l{1}|{|}",
    r"\w{2,3}?",
    r"(?i)the|film|ss|k|s",
    r"(?i:WASN)'t|(?s:.)",
    r"(?a)\w+|\s|\b.",
    "(?x) \\w+  # words [of (any] kind\n | [^\\w\\s] # and \\w marks",
    r"(?#a [comment)\w+",
    r"(?P<q>['a])\w*(?P=q)|(\w)\2",
    r"(?<=\s)\w+(?=\s)|(?<!\w)\W(?!\w)",
    r"(a)?(?(1)b|\w)",
    r"'(?:[sdmt]|ll|ve|re)| ?[^\W\d_]+| ?\d+| ?[^\s\w]+|\s+(?!\S)|\s+",
    r"\N{LATIN SMALL LETTER E}+|\x41|\u0130|\101",
    r"(?m)^\w+|\w+$",
    r"[[]\w+|\w+[\]]",
    r"\w+(?:[-']\w+)*|\$?\d+(?:\.\d+)?%?|\.{2,3}|[^\w\s]+",
)


def spans(pattern, text):
    return [m.span() for m in re.finditer(pattern, text) if m.end() > m.start()]


@pytest.mark.parametrize("pattern", SANE)
def test_the_matches_are_those_of_re(pattern):
    ours = Pattern(pattern)
    for text in TEXTS:
        assert ours.spans(text) == spans(pattern, text)


@pytest.mark.parametrize("pattern", SHIPPED)
@given(text=st.text(st.characters(exclude_categories=["Cs", "Cn"])))
@example(text="e\u0301 \u0928\u092e\u0938\u094d\u0924\u0947")
def test_shipped_patterns_cut_any_text_as_re_does(pattern, text):
    assert Pattern(pattern).spans(text) == spans(pattern, text)


@pytest.mark.parametrize("kind", ["w", "W", "s", "S"])
@pytest.mark.parametrize("form", [r"\{}+", r"[\{}q]+"])
def test_every_character_is_of_the_kind_that_re_says(kind, form):
    pattern = form.format(kind)
    known = "".join(
        chr(c) for c in range(sys.maxunicode + 1) if unicodedata.category(chr(c)) != "Cn"
    )
    assert len(known) > 200_000
    assert Pattern(pattern).spans(known) == spans(pattern, known)


def test_the_first_matches_alone():
    assert Pattern(r"\w+").spans("a bc d", 2) == [(0, 1), (2, 4)]


def test_sample_configs_hold_no_other_patterns():
    """Whoever ships a new pattern adds it above, where it is held against `re`."""
    from tests.test_rooms import ROOT

    def patterns(value):
        if isinstance(value, dict):
            yield from (v for k, v in value.items() if k == "regex")
            value = list(value.values())
        if isinstance(value, list):
            for item in value:
                yield from patterns(item)

    for path in (ROOT / "sample_configs").rglob("*.yaml"):
        assert set(patterns(yaml.safe_load(path.read_text()))) <= set(SHIPPED), path


SLOW = (  # each would keep `re` busy for hours
    (r"(\w+\s?)+\d!", "a film that is good and long enough to hang a simple engine " * 4),
    (r"(x+x+)+(?=y)z", "x" * 5000 + "yz"),
    (r"(.*)(.*)(.*)(.*)(.*)\1\2\3[\d]\4\5", "ab" * 500),
)


@pytest.mark.parametrize(("pattern", "text"), SLOW)
def test_a_pattern_that_would_hang_is_stopped(pattern, text, monkeypatch):
    monkeypatch.setattr(module, "SECONDS", 0.5)
    started = time.process_time()
    with suppress(ValueError):  # some are clever work for the engine, and no trouble at all
        Pattern(pattern).spans(text)
    assert time.process_time() - started < 5


def test_it_is_named_with_the_length_of_the_text(monkeypatch):
    monkeypatch.setattr(module, "SECONDS", 0.2)
    slow = Pattern(r"(x+x+)+(?=y)z")
    with pytest.raises(ValueError, match=r"'\(x\+.* takes more than 0.2 s on one text of 5,002"):
        slow.spans("x" * 5000 + "yz")


def test_many_texts_that_are_each_just_bearable_are_stopped(monkeypatch):
    monkeypatch.setattr(module, "SECONDS_IN_ALL", 0.2)
    monkeypatch.setattr(module, "SLOWEST", 10**6)
    texts = ("a" * 3_000 for _ in range(1_000))
    slow, quick = Pattern("a+b"), Pattern(r"\w+")
    with pytest.raises(ValueError, match=r"the pattern 'a\+b' is too slow"):
        _ = [(quick.spans(text), slow.spans(text)) for text in texts]
    assert next(texts)  # it did not take them all


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("(a{1000}){1000}", "repeats too much: it grows to more than 100,000 items"),
        ("((((a{1000}){1000}){1000}){1000}){1000}", "repeats too much"),
        ("(?:[ab]{400,}c){,400}", "repeats too much"),
        ("(" * 900 + "a" + ")" * 900, "regular expression"),
        ("a" * 2001, "has more than 2,000 characters"),
        ("(?i)" + "[\\0-\U0010ffff]" * 100, "ignores case and has more than 20 sets"),
        ("(?:(?:(?:){9999}){9999}){9999}", "repeats too much|matches the empty string"),
        ("(a", "is not a regular expression"),
        ("a*", "matches the empty string"),
        ("a(?i)b", "is not a regular expression"),
        (r"(?a:\w)", "sets the flag 'a' for only a part of it"),
        (r"\p{L}", "is not a regular expression"),
        ("a{99999999999999999999}", "is not a regular expression"),
    ],
)
def test_patterns_that_cannot_be_used(pattern, says):
    started = time.process_time()
    with pytest.raises(ValueError, match=says) as caught:
        Pattern(pattern)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 250
    assert time.process_time() - started < 5
