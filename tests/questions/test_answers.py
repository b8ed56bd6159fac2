from __future__ import annotations

import numpy as np
import pytest
import torch

from attnaudit.data.batch import collate
from attnaudit.execution.observer import Silent
from attnaudit.execution.once import Once
from attnaudit.questions.answers import answer, each_batch
from attnaudit.questions.basics import Basics
from attnaudit.readings import find_reading


def test_what_is_shown_is_renormalised_and_what_lies_outside_is_a_mass(tiny_bert, instances):
    """Of maxima the mass outside is that of the mean: they add up to more than a mass."""
    model, vocabulary = tiny_bert()
    batch, by_row = collate(instances, vocabulary, boundaries=True), {i.row: i for i in instances}
    names = ("mean", "max", "head0", "head1", "head2")
    known = {name: answer(model, batch, by_row, find_reading(name)) for name in names}
    for name, found in known.items():
        assert found.on_words.sum(1).tolist() == pytest.approx([1] * len(batch)), name
        assert torch.equal(found.probs, known["mean"].probs)
    single = torch.stack([known[f"head{h}"].inside for h in range(3)])
    torch.testing.assert_close(known["mean"].inside, single.mean(0))
    torch.testing.assert_close(known["max"].inside, single.mean(0))
    assert single.std(0).min() > 1e-4
    assert (known["max"].on_words - known["mean"].on_words).abs().max() > 1e-3


@pytest.mark.parametrize("readings", [("mean", "mean"), ("mean", "max")])
def test_a_batch_is_run_once_for_all_readings(tiny_bert, instances, readings):
    model, vocabulary = tiny_bert()
    runs, once = [], Once()
    encode, model.encode = model.encode, lambda batch: runs.append(1) or encode(batch)
    batch, by_row = collate(instances, vocabulary, boundaries=True), {i.row: i for i in instances}
    found = [answer(model, batch, by_row, find_reading(name), once=once) for name in readings]
    assert len(runs) == 1
    alone = answer(model, batch, by_row, find_reading(readings[1]))
    assert torch.equal(found[1].on_words, alone.on_words)
    assert torch.equal(found[1].probs, alone.probs)


def test_where_memory_runs_out_what_is_shared_goes(model, batches):
    """The first of two questions had room for the whole batch; halves are all that is kept then."""
    once, sizes = Once(), []

    def hungry(known):
        sizes.append(len(known.batch))
        if len(known.batch) > 2:
            raise torch.OutOfMemoryError
        return [{"row": row} for row in known.batch.rows.tolist()]

    def rows(make):
        parts = each_batch(model, batches(1000, once=once), make, Silent())
        return sorted(record["row"] for part in parts for record in part)

    rows(lambda known: [])
    (whole,) = {key[3:] for key in once._made if key[0] == "answered"}
    assert rows(hungry) == sorted(whole)
    assert sizes == [4, 2, 2]
    assert {len(key[3:]) for key in once._made if key[0] == "answered"} == {2}


def record(row, probs=(0.25, 0.75), **more):
    return {"id": f"text {row}", "gold": 1, "probs": list(probs), "words": 3, "outside": 0.0} | more


def test_columns_of_records():
    basics = Basics()
    for row, group in enumerate(["b", None, "b"]):
        more = {} if group is None else {"group": group}
        basics.add(record(row, gold=row % 2, **more))
    assert basics.ids == ["text 0", "text 1", "text 2"]
    assert basics.groups == ["b", None, "b"]
    assert basics.gold.tolist() == [0, 1, 0]
    assert basics.predicted.tolist() == [1, 1, 1]
    assert basics.sample().units == 2
    assert basics.sample(np.array([True, False, True])).units == 1
    columns = basics.columns({"x": np.arange(3.0)})
    assert {name: c.tolist() for name, c in columns.values.items()} == {
        "model.accuracy": [0, 1, 0],
        "x": [0, 1, 2],
    }


def test_records_of_other_models_do_not_go_together():
    basics = Basics()
    with pytest.raises(ValueError, match="no records"):
        basics.predicted  # noqa: B018
    basics.add(record(0))
    with pytest.raises(ValueError, match="number of classes"):
        basics.add(record(1, (0.2, 0.3, 0.5)))
