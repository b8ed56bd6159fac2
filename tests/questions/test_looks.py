from __future__ import annotations

import pytest

from attnaudit.errors import InputError
from attnaudit.questions.looks import LOOKS, growing, later, read_seeds
from attnaudit.questions.recording import Ledger


def nothing():
    return iter(())


def test_a_number_of_seeds_makes_one_list():
    assert list(growing(7, Ledger("test"), nothing)) == [(0, 7)]


def test_seeds_grow_until_it_is_decided():
    asked = []

    def decided(made, size):
        assert made is nothing
        asked.append(size)
        return size >= 12

    assert list(growing("auto", Ledger("test", decided=decided), nothing)) == [
        (0, 5),
        (5, 8),
        (8, 12),
    ]
    assert asked == [5, 8, 12]


def test_seeds_that_nobody_decides_on_grow_to_the_last_look():
    assert list(growing("auto", Ledger("test"), nothing))[-1] == (12, LOOKS[-1])
    never = Ledger("test", decided=lambda made, size: False)
    assert len(list(growing("auto", never, nothing))) == len(LOOKS)


def test_what_may_come_later():
    assert later(5) == 0
    assert later("auto") == 15


@pytest.mark.parametrize(("given", "read"), [("8", 8), (8, 8), ("auto", "auto"), (" 5 ", 5)])
def test_seeds_are_read(given, read):
    assert read_seeds(given) == read


@pytest.mark.parametrize("given", ["0", "-1", "many", "1e3", "", "10001", True, 5.5, None])
def test_other_seeds_are_refused(given):
    with pytest.raises(InputError, match="give a number from 1 to 10000, or auto"):
        read_seeds(given)
