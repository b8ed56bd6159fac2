from __future__ import annotations

from markupsafe import Markup

from attnaudit.explanations.spelling import EVERYDAY, HEADERS, OTHERWISE
from attnaudit.importance import IMPORTANCES
from attnaudit.report.html.glossary import term_of, terms
from attnaudit.report.html.links import Links

JSD = '<a class="term" href="#term-jsd">JSD</a>'


def test_a_term_is_linked_where_it_comes_first() -> None:
    links = Links()
    assert links.text("JSD and jsd, no-JSD, x.jsd") == f"{JSD} and jsd, no-JSD, x.jsd"
    assert links.text("a JSD") == f"a {JSD}"
    assert "JSD" in [term.name for term in links.terms()]


def test_plurals_and_other_names_lead_to_the_same_term() -> None:
    links = Links()
    assert 'href="#term-imitator">Imitators</a>' in links.text("Imitators")
    assert 'href="#term-leave-one-out">leave-one-out</a>' in links.text("with leave-one-out.")
    assert links.text("the words of a text") == "the words of a text"


def test_works_are_linked_and_kept() -> None:
    links = Links()
    shown = links.text("Lin 1991; Jain & Wallace (2019), and jain & wallace 2019")
    assert shown == Markup(
        '<a class="cite" href="#ref-lin1991divergence">Lin 1991</a>;'
        ' <a class="cite" href="#ref-jain2019attention">Jain &amp; Wallace (2019</a>),'
        " and jain &amp; wallace 2019"
    )
    assert [work.key for work in links.works()] == ["Jain & Wallace 2019", "Lin 1991"]


def test_what_stands_between_backticks_is_code() -> None:
    assert Links().text("give `--seed JSD` & JSD") == f"give <code>--seed JSD</code> &amp; {JSD}"
    assert Links(live=False).text("`<b>` and ` alone") == "<code>&lt;b&gt;</code> and ` alone"


def test_what_is_no_term_stays_escaped_text() -> None:
    evil = "<script>JSD</script>\x1b[31m\x00\"'&lt;"
    shown = Links().text(evil)
    assert shown == f"&lt;script&gt;{JSD}&lt;/script&gt;\\x1b[31m\\x00&#34;&#39;&amp;lt;"
    assert Links().cell(evil) == shown
    assert Links(live=False).text("JSD <b>") == "JSD &lt;b&gt;"
    assert Links(live=False).cell("JSD") == "JSD"


def test_the_terms_of_a_term_are_explained_too() -> None:
    links = Links()
    links.text("kappa")
    assert {"kappa", "recipe", "seed"} <= {term.name for term in links.terms()}
    assert "Brennan & Prediger 1981" in {work.key for work in links.works()}


def test_names_of_columns_and_rows() -> None:
    for header, term in HEADERS.items():
        assert term_of(header) is not None, (header, term)
    for name in IMPORTANCES:
        found = term_of(name)
        assert found is not None
        assert found.entry.name == name
    assert all(term_of(word) is None for word in OTHERWISE)
    assert term_of("tau [low, high]") is term_of("tau")


def test_only_names_of_terms_are_passed_over() -> None:
    assert terms().keys() >= EVERYDAY


def test_places_are_distinct() -> None:
    anchors = {term.anchor: term.entry for term in terms().values()}
    assert len(anchors) == len({(e.kind, e.name) for e in anchors.values()})
    assert all(place.removeprefix("term-").replace("-", "").isalnum() for place in anchors)
