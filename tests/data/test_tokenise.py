from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from attnaudit.data.tokenise import Token, TokeniserSettings, align, build_tokeniser
from attnaudit.errors import InputError

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
WHITESPACE = TokeniserSettings()


def wordpiece(**changes) -> str:
    vocabulary = {"[UNK]": 0, "[CLS]": 1, "un": 2, "##do": 3, "##ing": 4, "it": 5, ".": 6, "U": 7}
    tokeniser = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokeniser.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokeniser.post_processor = processors.TemplateProcessing("[CLS] $A", None, [("[CLS]", 1)])
    tokeniser.enable_truncation(2)
    tokeniser.enable_padding(length=9)
    return json.dumps(json.loads(tokeniser.to_str()) | changes)


def sentencepiece() -> str:
    pieces = [(piece, -1.0) for piece in ["<unk>", "▁", "▁un", "do", "▁it", "i", "t", "u", "n"]]
    tokeniser = Tokenizer(models.Unigram(pieces, unk_id=0))
    tokeniser.normalizer = normalizers.Replace(" ", "▁")
    return tokeniser.to_str()


@pytest.mark.parametrize("lowercase", [False, True])
@given(text=TEXT)
def test_white_space_tokens_are_those_of_split(lowercase, text):
    tokens = build_tokeniser(WHITESPACE, lowercase)(text)
    words = text.split()
    assert [t.text for t in tokens] == ([w.lower() for w in words] if lowercase else words)
    assert [text[t.start : t.end] for t in tokens] == words
    assert [t.word for t in tokens] == list(range(len(words)))


def test_each_match_of_a_regular_expression_is_a_word():
    tokens = build_tokeniser(TokeniserSettings(regex=r"(\w)\w*|[.!]"))("Go on!")
    assert tokens == [Token("Go", 0, 2, 0), Token("on", 3, 5, 1), Token("!", 5, 6, 2)]


def test_empty_matches_are_no_tokens():
    assert build_tokeniser(TokeniserSettings(regex=r"\b|o"))("o b") == [Token("o", 0, 1, 0)]


def test_lower_case_leaves_the_offsets_of_the_text_as_given():
    tokens = build_tokeniser(WHITESPACE, lowercase=True)("İİ B")
    assert tokens == [Token("i̇i̇", 0, 2, 0), Token("b", 3, 4, 1)]


def test_pieces_carry_their_word_and_no_specials_padding_or_truncation():
    tokens = build_tokeniser(TokeniserSettings(content=wordpiece()))("undoing it.")
    assert tokens == [
        Token("un", 0, 2, 0),
        Token("##do", 2, 4, 0),
        Token("##ing", 4, 7, 0),
        Token("it", 8, 10, 1),
        Token(".", 10, 11, 2),
    ]


def test_pieces_see_lower_cased_text_of_the_same_length():
    lowered = build_tokeniser(TokeniserSettings(content=wordpiece()), lowercase=True)
    assert [t.text for t in lowered("UNDO")] == ["un", "##do"]
    tokens = lowered("İ UNDO")  # its lower case would be one longer
    assert tokens == [Token("[UNK]", 0, 1, 0), Token("un", 2, 4, 1), Token("##do", 4, 6, 1)]


def test_words_end_at_white_space_where_the_tokeniser_knows_none():
    tokens = build_tokeniser(TokeniserSettings(content=sentencepiece()))("undo it  undo")
    assert [(t.text, t.word) for t in tokens if t.text != "▁"] == [
        ("u", 0),
        ("n", 0),
        ("do", 0),
        ("▁it", 1),
        ("▁un", tokens[-1].word),
        ("do", tokens[-1].word),
    ]
    assert tokens[-1].word > 1


@given(st.text("undoitgU. "))
def test_words_are_consecutive_and_never_hold_white_space(text):
    for content in (wordpiece(), sentencepiece()):
        tokens = build_tokeniser(TokeniserSettings(content=content))(text)
        numbers = [t.word for t in tokens]
        assert numbers == sorted(numbers)
        assert set(numbers) == set(range(len(set(numbers))))
        for number in set(numbers):
            mine = [t for t in tokens if t.word == number]
            held = text[mine[0].start : mine[-1].end]
            assert len(held.split()) <= 1


def _overlap(flags, text, tokens):
    """Brute force: which characters are flagged, token by token."""
    words, start = [], 0
    for word in text.split():
        start = text.index(word, start)
        words.append(set(range(start, start + len(word))))
        start += len(word)
    flagged = set().union(*(w for w, flag in zip(words, flags, strict=True) if flag))
    return tuple(int(bool(flagged & set(range(t.start, t.end)))) for t in tokens)


@given(TEXT, st.data())
def test_flags_follow_the_characters(text, data):
    n = len(text.split())
    flags = data.draw(st.lists(st.integers(0, 1), min_size=n, max_size=n))
    for settings in (
        WHITESPACE,
        TokeniserSettings(regex=r"\w+|[^\w\s]"),
        TokeniserSettings(regex=".."),
    ):
        tokens = build_tokeniser(settings)(text)
        assert align(flags, text, tokens) == _overlap(flags, text, tokens)


@given(TEXT, st.data())
def test_flags_of_white_space_tokens_stay_as_they_are(text, data):
    n = len(text.split())
    flags = data.draw(st.lists(st.integers(0, 1), min_size=n, max_size=n))
    assert align(flags, text, build_tokeniser(WHITESPACE)(text)) == tuple(flags)


def test_flags_of_another_number_are_refused():
    with pytest.raises(ValueError, match="longer"):
        align([1], "a b", [])


def test_yaml_forms():
    read = TokeniserSettings.model_validate_json
    assert read('"whitespace"') == WHITESPACE
    assert read('{"regex": "a+"}') == TokeniserSettings(regex="a+")
    assert read('{"file": "t.json"}') == TokeniserSettings(file=Path("t.json"))
    assert str(WHITESPACE) == "whitespace"
    assert str(TokeniserSettings(regex="a+")) == "regex a+"
    assert str(TokeniserSettings(file=Path("t.json"))) == "tokenizer.json"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('"spaces"', "should be whitespace, {regex: PATTERN} or {file: tokenizer.json}"),
        ("null", "not None"),
        ('{"regex": "(a"}', "'(a' is not a regular expression"),
        ('{"regex": "a{99999999999999999999}"}', "is not a regular expression"),
        ('{"regex": "a*"}', "'a*' matches the empty string"),
        ('{"regex": "a", "file": "b"}', "give regex or file"),
    ],
)
def test_bad_settings_are_refused(text, expected):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the message is checked below
        TokeniserSettings.model_validate_json(text)
    assert expected in str(caught.value)


def test_a_file_is_embedded_and_survives_json(tmp_path):
    path = tmp_path / "tokenizer.json"
    path.write_text(wordpiece(), encoding="utf-8")
    embedded = TokeniserSettings(file=path).embedded()
    path.unlink()
    again = TokeniserSettings.model_validate_json(embedded.model_dump_json())
    assert [t.text for t in build_tokeniser(again)("undo")] == ["un", "##do"]


def test_a_file_need_not_be_embedded_to_be_used(tmp_path):
    path = tmp_path / "tokenizer.json"
    path.write_text(wordpiece(), encoding="utf-8")
    assert len(build_tokeniser(TokeniserSettings(file=path))("undo")) == 2


def test_layout_does_not_make_another_tokeniser(tmp_path):
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(json.loads(wordpiece()), indent=2), encoding="utf-8")
    same = TokeniserSettings(content=wordpiece())
    assert TokeniserSettings(file=path).same_as(same)
    assert not same.same_as(WHITESPACE)
    assert not same.same_as(TokeniserSettings(content=sentencepiece()))
    assert not TokeniserSettings(regex="a").same_as(TokeniserSettings(regex="b"))


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"model": {"type": "Other"}}'])
def test_other_files_are_no_tokenisers(tmp_path, content):
    path = tmp_path / "tokenizer.json"
    path.write_text(content, encoding="utf-8")
    for use in (TokeniserSettings.embedded, build_tokeniser):
        with pytest.raises(InputError, match=r"tokenizer.json: cannot be used as a tokenizer.json"):
            use(TokeniserSettings(file=path))
    with pytest.raises(InputError, match=r"cannot be used as a tokenizer\.json"):
        build_tokeniser(TokeniserSettings(content=content))
