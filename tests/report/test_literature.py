from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

import attnaudit
from attnaudit.explanations.collect import all_entries
from attnaudit.report.literature import Work, works, works_named, works_of

# Names and a year, as our texts cite: "Jain & Wallace 2019", "DeYoung et al. (2020)".
NAME = r"(?:van )?[A-Z][A-Za-z]+"
CITED = re.compile(
    rf"({NAME}(?:, {NAME})*(?: & {NAME})?(?: et al\.)?)(?:'s)? \(?((?:18|19|20)\d\d)(?![\d-])"
)
PACKAGE = Path(attnaudit.__file__).parent
OWN = {"literature.py", "works"}


def sources() -> set[str]:
    return {entry.source for entry in all_entries() if entry.source}


def texts() -> str:
    """Every source text of the package but the list itself, on one line."""
    files = [path for path in PACKAGE.rglob("*.py") if not OWN & {path.name, path.parent.name}]
    joined = "\n".join(path.read_text(encoding="utf-8") for path in files)
    joined = re.sub(r'"\s*\n\s*(?:f|rf)?"', "", joined)  # strings that go on in the next line
    return " ".join(joined.replace("#", " ").split())


def test_every_source_names_known_works_alone():
    assert len(sources()) > 50
    for source in sources():
        known = works_named(source)
        cited = {f"{names} {year}" for names, year in CITED.findall(source)}
        assert cited <= {work.key for work in known}, source


def test_every_paper_that_the_package_cites_is_known():
    keys = {work.key for work in works()}
    cited = {f"{names} {year}" for names, year in CITED.findall(texts())}
    missing = {one for one in cited if not any(one.endswith(key) for key in keys)}
    assert not missing


def test_no_work_is_unused():
    named = set(works_named(texts()))
    assert [work.key for work in works() if work not in named] == []


def test_works_are_found_in_the_order_of_the_text():
    text = "Lin 1991; as Jain & Wallace\n(2019, section 4.1) and Lin 1991, not Lin 19911"
    assert [work.key for work in works_named(text)] == ["Lin 1991", "Jain & Wallace 2019"]
    assert works_named("common usage, 2019") == []
    assert [work.key for work in works_of(["Vigna 2015", "Lin 1989"])] == ["Lin 1989", "Vigna 2015"]


def test_a_name_within_another_name_is_not_found():
    assert [work.key for work in works_named("Berlin 1991")] == []
    assert [work.key for work in works_named("Wilson & Hilferty 1931")] == [
        "Wilson & Hilferty 1931"
    ]


@pytest.mark.parametrize("work", works(), ids=lambda work: work.key)
def test_every_work_says_where_it_is_found(work):
    assert all((work.authors, work.title, work.venue))
    assert work.key.endswith(str(work.year)) or work.kind == "techreport"
    # The key is made of the family names of the authors.
    for name in re.findall(NAME, work.key.replace("van ", "")):
        assert any(name in author for author in work.authors) or work.kind == "techreport"
    assert work.link.startswith("https://") or work.kind == "book" or not work.link
    assert work.doi.startswith("10.") or not work.doi
    assert ("et al." in work.key) == (len(work.authors) > 2 and "," not in work.key)
    assert "\n" not in work.citation()
    for part in (str(work.year), work.title, work.authors[-1]):
        assert part in work.citation()


def test_a_citation_and_its_bibtex():
    work = next(work for work in works() if work.key == "Jain & Wallace 2019")
    assert work.citation() == (
        "Sarthak Jain and Byron C. Wallace (2019). Attention is not Explanation. Proceedings of the"
        " 2019 Conference of the North American Chapter of the Association for Computational"
        " Linguistics: Human Language Technologies, pages 3543–3556."
        " https://doi.org/10.18653/v1/N19-1357"
    )
    assert work.bibtex() == (
        "@inproceedings{jain2019attention,\n"
        "  author = {Jain, Sarthak and Wallace, Byron C.},\n"
        "  title = {{Attention is not Explanation}},\n"
        "  booktitle = {Proceedings of the 2019 Conference of the North American Chapter of the"
        " Association for Computational Linguistics: Human Language Technologies},\n"
        "  year = {2019},\n"
        "  pages = {3543--3556},\n"
        "  doi = {10.18653/v1/N19-1357}\n"
        "}"
    )


def test_bibtex_keeps_names_whole_and_escapes():
    by_key = {work.key: work.bibtex() for work in works()}
    assert "author = {van Rijsbergen, C. J.}" in by_key["van Rijsbergen 1979"]
    assert "author = {{Chandrahas} and Sharma, Aditya" in by_key["Chandrahas et al. 2018"]
    assert "journal = {Statistical Methods \\& Applications}" in by_key["Croux & Dehon 2010"]
    assert "{{National Institute" in by_key["NIST FIPS 180-4"]
    for text in by_key.values():
        assert text.count("{") == text.count("}")


def test_labels_are_distinct():
    assert max(Counter(work.label for work in works()).values()) == 1
    assert all(isinstance(work, Work) for work in works())
