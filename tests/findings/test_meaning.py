"""What the findings mean for a heatmap: every combination says something, and none too much."""

from __future__ import annotations

import itertools
import re
from typing import get_args

import pytest

from attnaudit.findings.finding import Finding, FindingName, FindingStatus
from attnaudit.findings.meaning import (
    EARLIER,
    LAST,
    MANY_ROWS,
    MEANING,
    NOTHING,
    PRETRAINED,
    TRANSFORMER,
    meaning,
)

NAMES, STATUSES = get_args(FindingName), get_args(FindingStatus)
OPEN = ("inconclusive", "not_assessable", "not_assessed")
COMBINATIONS = list(itertools.product(STATUSES, repeat=len(NAMES)))


def findings(*statuses: str, **facts):
    return {
        name: Finding(status=status, reason="so", **facts)
        for name, status in zip(NAMES, statuses, strict=True)
    }


def test_the_table_is_complete():
    assert set(MEANING) == set(NAMES)
    for said in MEANING.values():
        assert set(said) == set(STATUSES)
        assert len(set(said.values())) == len(STATUSES)  # each status says something of its own


def test_every_combination_gives_sentences_without_an_overall_verdict():
    for statuses in COMBINATIONS:
        said = meaning(findings(*statuses, delta=0.01), False)
        if set(statuses) == {"not_assessed"}:
            assert said == [NOTHING]
            continue
        assert len(said) == len(NAMES) + 1
        assert said[-1] == LAST
        for sentence in said:
            assert sentence.endswith(".")
            assert "{" not in sentence
            assert len(max(re.split(r"(?<=[.]) ", sentence), key=len).split()) <= 32, sentence


def test_what_is_open_is_never_said_to_be_harmless():
    """Each such sentence warns of something that must not be said."""
    for name, status in itertools.product(NAMES, OPEN):
        assert "Do not" in MEANING[name][status], (name, status)


def test_what_speaks_for_attention_comes_with_its_limit():
    for name in NAMES:
        said = MEANING[name]["for"]
        assert re.search(r"That does not|may still|can agree on", said), name
        assert "Do not" not in said


def test_no_sentence_says_that_a_heatmap_may_or_may_not_be_shown():
    every = [*(s for said in MEANING.values() for s in said.values()), LAST, TRANSFORMER, NOTHING]
    for sentence in every:
        assert not re.search(r"\b(may|can|must|should) (not )?be shown\b|\bsafe\b|prove", sentence)


@pytest.mark.parametrize(
    ("delta", "words"), [(0.02, "less than 0.02 in score"), (None, "less than the smallest gain")]
)
def test_the_gain_is_named_by_the_delta_that_was_applied(delta, words):
    said = meaning(findings("against", *["not_assessable"] * 3, delta=delta), False)
    assert words in said[0]
    assert "hardly needs" in said[0]


def test_a_transformer_comes_with_the_caution_of_the_later_papers():
    for statuses in COMBINATIONS:
        said = meaning(findings(*statuses, delta=0.01), True)
        assert TRANSFORMER in said
        assert (PRETRAINED in said) == (statuses[1] == "for")
    assert TRANSFORMER not in meaning(findings("for", "for", "for", "for"), False)
    said = meaning(findings("for", "for", "for", "for"), True, many_rows=True)
    assert MANY_ROWS in said
    assert TRANSFORMER not in said


def test_findings_by_older_rules_are_not_interpreted_by_the_new_ones():
    old = findings("for", "not_assessed", "against", "for", edition=1)
    assert meaning(old, False) == [EARLIER]
    unknown = findings(*["not_assessed"] * 4, edition=1)
    assert meaning(unknown, False) == [NOTHING]
