"""What explain and the sample configs say of papers exists."""

from __future__ import annotations

import re

import pytest

from attnaudit.cli.samples import sample_folder
from attnaudit.explanations.collect import find
from attnaudit.report.digits import digits, places
from attnaudit.report.published import find_published, published_rows

PAPERS = sorted(path.stem for path in sample_folder().glob("paper_*.yaml"))


def test_every_sample_of_a_paper_is_listed():
    (entry,) = find("paper tables")
    assert sorted(set(re.findall(r"paper_\w+", entry.about))) == PAPERS


@pytest.mark.parametrize("name", PAPERS)
def test_samples_name_rows_that_exist(name):
    text = (sample_folder() / f"{name}.yaml").read_text(encoding="utf-8")
    for key in re.findall(r"--published (\S+)", text):
        encoder, attention = re.findall(r"^  (?:encoder|attention): (\w+)", text, re.MULTILINE)
        assert dict(find_published(key).model) == {"encoder": encoder, "attention": attention}


def test_rows_are_listed():
    (entry,) = find("published")
    for key in published_rows():
        for part in key.split(":"):
            assert re.search(rf"(?<![\w-]){re.escape(part)}(?![\w-])", entry.about), key


def test_the_rule_of_digits_is_the_one_that_is_explained():
    from math import floor, log10

    (entry,) = [found for found in find("digits") if found.kind == "term"]
    assert entry.formula.startswith("digits after the point = 1 - floor(log10((high - low) / 2))")
    for low, high in ((0.0, 0.03), (0.2, 0.9), (-1.0, 99.0), (0.5, 0.5001)):
        with digits("interval"):
            assert places(low, high) == min(max(1 - floor(log10((high - low) / 2)), 0), 6)
