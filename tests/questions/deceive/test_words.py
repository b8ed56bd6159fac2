from __future__ import annotations

from dataclasses import replace

import pytest

from attnaudit.data.loading import load_dataset
from attnaudit.data.spec import load_spec
from attnaudit.errors import InputError
from attnaudit.questions.deceive.settings import DeceiveSettings
from attnaudit.questions.deceive.words import Rule, check_words, marked_words, read_words_file


@pytest.fixture
def she(instances):
    """A text whose word `Unbearable` has three pieces."""
    return replace(instances[1], surface=("Unbearable", "from", "start"))


def test_words_are_found_as_the_text_has_them_in_any_case(she):
    assert Rule(words=("unbearable", "START")).finder()(she) == (0, 2)
    assert Rule(pattern="un.*|st[aeiou]rt").finder()(she) == (0, 2)
    assert Rule(pattern="bear").finder()(she) == ()  # a whole word, or none
    assert Rule(words=("from",), pattern="s.*").finder()(she) == (1, 2)


def test_a_list_has_one_word_a_line_and_may_not_change(she, tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("from\n\n  start \n", encoding="utf-8")
    file = read_words_file(path)
    assert Rule(file=file).finder()(she) == (1, 2)
    path.write_text("from\n", encoding="utf-8")
    with pytest.raises(InputError, match="has changed"):
        Rule(file=file).finder()
    path.write_text("\n \n", encoding="utf-8")
    with pytest.raises(InputError, match="has no words"):
        read_words_file(path)


def test_without_a_rule_it_is_what_the_data_mark(she):
    assert marked_words(she) == ()
    assert marked_words(replace(she, impermissible=(0, 1, 0, 0, 1))) == (0, 2)
    assert Rule().finder() is marked_words


def write(folder, *rows):
    (folder / "rows.jsonl").write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
    return load_dataset(load_spec(folder / "rows.jsonl"), "all")


SINGS = '{"text": "he sings , too", "label": "a", "impermissible": [1, 0, 0, 0]}'


def test_marks_of_the_data_are_read_like_a_rationale(tmp_path):
    data = write(tmp_path, SINGS, '{"text": "no marks", "label": "b"}')
    assert [i.impermissible for i in data.instances] == [(1, 0, 0, 0), None]
    with pytest.raises(InputError, match="'impermissible' has 2 entries, but the text has 3"):
        write(tmp_path, SINGS, '{"text": "a b c", "label": "b", "impermissible": [1, 0]}')
    with pytest.raises(InputError, match="'impermissible' is not a list of 0 and 1"):
        write(tmp_path, SINGS, '{"text": "a b c", "label": "b", "impermissible": [1, 0, 2]}')


def test_a_split_without_such_words_and_a_text_of_nothing_else_are_refused(tmp_path):
    data = write(tmp_path, '{"text": "he sings", "label": "a"}', '{"text": "so so", "label": "b"}')
    check_words(data, [(0,), ()])
    with pytest.raises(InputError, match="no text of the split 'all' has an impermissible word"):
        check_words(data, [(), ()])
    with pytest.raises(InputError, match="all words of the text '1' are impermissible") as found:
        check_words(data, [(0, 1), ()])
    assert found.value.line == 1


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"words": ("two words",)}, "is not one word"),
        ({"words": ("",)}, "is not one word"),
        ({"pattern": "("}, "is not a regular expression"),
        ({"pattern": "[a]" * 21}, "more than 20 sets"),
        ({"pattern": "(?i)he"}, "is not a regular expression"),
        ({"pattern": "x*"}, "matches the empty string"),
        ({"coefficients": (-0.1,)}, "0 or larger"),
        ({"coefficients": (0.1, 0.1)}, "occurs twice"),
        ({"coefficients": (float("inf"),)}, "finite"),
        ({"most_mass": 0.0}, "greater than 0"),
    ],
)
def test_settings_that_cannot_be_are_refused(given, says):
    with pytest.raises(ValueError, match=says):
        DeceiveSettings(**given)


def test_0_is_always_among_the_coefficients():
    assert DeceiveSettings(coefficients=(1.0, 0.5)).all_coefficients == (0.0, 0.5, 1.0)
    assert DeceiveSettings(coefficients=()).all_coefficients == (0.0,)
