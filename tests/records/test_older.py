from __future__ import annotations

import pytest

from attnaudit.questions import find_question
from attnaudit.records.older import sections


@pytest.mark.parametrize(
    ("heads", "reading"), [("mean", "mean"), ("max", "max"), (0, "head0"), (3, "head3")]
)
@pytest.mark.parametrize("audit", ["correlate", "permute", "erase"])
def test_heads_are_a_reading(header, audit, heads, reading):
    old = header.model_copy(update={"audit": audit, "settings": {"seed": 0, "heads": heads}})
    ((new, records),) = sections(old, iter([{"row": 0}]))
    assert new.settings == {"seed": 0, "reading": reading}
    assert list(records) == [{"row": 0}]
    assert find_question(audit).settings.model_validate(new.settings).reading == reading


def test_records_without_heads_were_of_the_mean(header):
    old = header.model_copy(update={"audit": "probe", "settings": {"seeds": 2}})
    ((new, _),) = sections(old, iter(()))
    assert new.settings == {"seeds": 2}
    assert find_question("probe").settings.model_validate(new.settings).reading == "mean"


def test_a_reading_that_is_named_stands(header):
    old = header.model_copy(update={"settings": {"reading": "max"}})
    assert [new.settings for new, _ in sections(old, iter(()))] == [{"reading": "max"}]
