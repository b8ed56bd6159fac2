"""What a result is to programs, and how it shows itself."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

import pytest

import attnaudit
from attnaudit.api.shown import picture
from attnaudit.errors import InputError


class Balanced(HTMLParser):
    """Holds that every element is closed, and gathers names and words."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.names: set[str] = set()
        self.words: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.names.add(tag)
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def shown(text: str) -> Balanced:
    parser = Balanced()
    parser.feed(text)
    parser.close()
    assert not parser.open
    return parser


def test_it_says_what_it_is(made, tiny):
    assert repr(made).startswith(f"<Audit of {tiny / 'model.pt'} on ")
    assert repr(made).endswith("correlate, permute>")
    assert str(made) == made.render("text")
    assert set(made.findings) == {
        *("necessary", "stable", "hard_to_manipulate", "out_of_context"),
    }
    assert "evidence" in made.tables
    assert made.gates == []
    assert made.passed()


def test_it_shows_itself(made):
    page = shown(made._repr_html_())
    words = " ".join(page.words)
    assert "agreement with gradient (tau)" in words
    assert "Heatmaps" in words
    assert not {"script", "style", "link", "img"} & page.names


def test_hostile_names_stay_text(made):
    evil = "<script>alert(1)</script>&\x1b[31m"
    heatmap = replace(made.made.gallery.heatmaps[0], id=evil)
    tokens = (evil, *heatmap.tokens[1:])
    gallery = replace(
        made.made.gallery, heatmaps=[replace(heatmap, tokens=tokens)], labels=[evil, evil]
    )
    model = made.report.model.model_copy(update={"name": evil})
    report = made.report.model_copy(update={"model": model})
    text = replace(made, made=replace(made.made, report=report, gallery=gallery))._repr_html_()
    assert "<script" not in text
    assert "\x1b" not in text
    assert " ".join(shown(text).words).count("<script>alert(1)</script>") >= 4
    assert "<script" not in picture(evil, "<svg></svg>", evil)


def test_figures_show_themselves(made):
    figures = made.figures
    assert len(figures) >= 2
    for figure in figures:
        page = shown(figure._repr_html_())
        assert "svg" in page.names
        assert figure.title in " ".join(page.words)
        assert figure.numbers.rows
    assert repr(figures[0]) == f"<Figure {figures[0].title!r}>"


def test_it_is_written_in_every_format(made, tmp_path):
    made.write(tmp_path / "r.md")
    assert (tmp_path / "r.md").read_text() == made.render("markdown")
    made.write(tmp_path / "card", form="model-card")
    assert (tmp_path / "card").read_text() == made.render("model-card")
    with pytest.raises(InputError, match="no format 'pdf'"):
        made.render("pdf")
    with pytest.raises(InputError, match="give --policy"):
        made.render("in-toto")


def test_a_report_is_read_again(made, tmp_path):
    made.write(tmp_path / "r.json")
    again = attnaudit.read_report(tmp_path / "r.json")
    assert again.metrics == made.metrics
    assert again.files == {}
    assert again.figures == []
    policy = tmp_path / "p.yaml"
    policy.write_text("gates: [{id: good, metric: permute.tvd.mean, min: 1e-9}]")
    held = attnaudit.read_report(*made.files.values(), policy=policy, show=1)
    assert held.files == dict(made.files)
    assert held.gates[0].status == "pass"
    assert len(held.made.gallery.heatmaps) == 1
    with pytest.raises(InputError, match="needs at least one file"):
        attnaudit.read_report()


def test_what_is_not_there_is_no_attribute():
    with pytest.raises(AttributeError, match="no attribute 'audits'"):
        attnaudit.audits  # noqa: B018
    assert attnaudit.InputError is InputError
    assert set(attnaudit.__all__) <= set(dir(attnaudit))
