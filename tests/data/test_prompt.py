from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnaudit.data.prompt import Template, read_prompt
from attnaudit.errors import InputError

WORDS = st.text(st.characters(blacklist_characters="{}", blacklist_categories=["Cs"]), max_size=12)


@given(WORDS, WORDS, WORDS, WORDS, WORDS)
def test_a_template_is_filled_as_it_is_written(before, between, after, text, query):
    for first, second in (("{text}", "{query}"), ("{query}", "{text}")):
        template = Template.of(before + first + between + second + after, "text")
        whole, places = template.filled(text, query)
        written = (before + first + between + second + after).split("{text}")
        expected = text.strip().join(written).replace("{query}", query.strip())
        assert whole == expected
        sides = [whole[start:end] for start, end in places]
        assert sides == [one.strip() for one in template.in_order(text, query)]
        assert template.order == (first[1:-1], second[1:-1])
    alone = Template.of(before + "{text}" + after, "text")
    assert alone.filled(text, None)[0] == before + text.strip() + after
    assert alone.order is None


def test_braces_that_mark_no_place_stand_as_they_are():
    template = Template.of('{"a": {text}, {label}}', "text")
    assert template.filled("x", None)[0] == '{"a": x, {label}}'


def write(tmp_path, content):
    path = tmp_path / "prompt.yaml"
    path.write_text(content, encoding="utf-8")
    return path


def test_a_file_is_read_as_it_is_written(tmp_path):
    found = read_prompt(
        write(tmp_path, 'template: "Is {text} right?"\nlabels: {0: no, 1: yes}\ncontent: prompt\n')
    )
    assert found.template == "Is {text} right?"
    assert found.labels == {"0": "no", "1": "yes"}
    assert found.content == "prompt"
    other = read_prompt(write(tmp_path, "labels: {n: ' true', y: ' 1'}\ntemplate: '{text}'\n"))
    assert other.labels == {"n": " true", "y": " 1"}
    assert other.sha256 != found.sha256


@pytest.mark.parametrize(
    ("content", "line", "says"),
    [
        ("template: 'no place'\nlabels: {a: x, b: y}", 1, "template: has no {text}"),
        ("labels: {a: x, b: y}\ntemplate: '{text} {text}'", 2, "once, in the place of the text"),
        ("template: '{text} {query} {query}'\nlabels: {a: x, b: y}", 1, "may hold {query} once"),
        ("template: '{text}'\nlabels: {a: x}", 2, "labels: "),
        ("template: '{text}'\nlabels: {a: x, b: x}", 2, "'a' and 'b' have the same word, 'x'"),
        ("template: '{text}'\nlabels: {a: x, b: ' '}", 2, "the label 'b' has no word"),
        ("template: '{text}'\nlabels: [a, b]", 2, "give the word of each class"),
        ("template: '{text}'\nlabels: {a: x, b: y}\nwords: 3", 3, "unknown key 'words'"),
        ("template: '{text}'", None, "the key 'labels' is missing"),
        ("template: '{text}'\nlabels: {a: x, b: y}\ncontent: all", 3, "content: should be"),
    ],
)
def test_mistakes_are_named_with_their_line(tmp_path, content, line, says):
    with pytest.raises(InputError) as caught:
        read_prompt(write(tmp_path, content))
    assert says in caught.value.what
    assert caught.value.line == line
