from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from attnaudit.execution.collector import Collector


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    yield
    gc.unfreeze()
    gc.enable()


def test_nothing_is_searched_before_work_begins_and_then_only_what_is_new():
    collector = Collector()
    with collector.put_off():
        assert not gc.isenabled()
        before = gc.get_freeze_count()
        collector.begin()
        assert gc.isenabled()
        assert gc.get_freeze_count() > before
        frozen = gc.get_freeze_count()
        collector.begin()  # work goes on
        assert gc.get_freeze_count() <= frozen
    assert gc.isenabled()


def test_without_any_work_it_is_as_before_in_the_end():
    with pytest.raises(ZeroDivisionError), Collector().put_off():
        raise ZeroDivisionError
    assert gc.isenabled()


def test_a_process_that_is_not_the_programs_own_is_left_alone():
    before = gc.get_freeze_count()
    Collector().begin()
    assert gc.get_freeze_count() == before
    gc.disable()
    Collector().begin()
    assert not gc.isenabled()
    with Collector().put_off():
        pass
    assert not gc.isenabled()  # as its owner wants it


def test_circles_that_arise_in_work_are_found_in_time():
    class Circle:
        def __init__(self) -> None:
            self.own = self

    collector = Collector()
    with collector.put_off():
        made = weakref.ref(Circle())
        kept = [[] for _ in range(10_000)]  # what makes Python search, where it does
        assert made() is not None
        collector.begin()
        made = weakref.ref(Circle())
        kept += [[] for _ in range(10_000)]
        assert made() is None
    assert len(kept) == 20_000
