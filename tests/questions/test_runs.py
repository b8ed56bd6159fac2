"""Records of several models: in order, complete, and none of them twice."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest
import torch

from attnaudit.config import Settings
from attnaudit.data.dataset import Dataset
from attnaudit.execution.observer import Silent
from attnaudit.measures.divergences import LN2, jsd
from attnaudit.models.blank import Blank
from attnaudit.models.guided import uniform
from attnaudit.models.retraining import Retraining, Trainable, as_it_is, guided
from attnaudit.models.schedule import Schedule
from attnaudit.questions.maker import Trains
from attnaudit.questions.recording import Ledger, run_records
from attnaudit.readings.heads import MEAN
from attnaudit.running.rounds import record_rounds


@pytest.fixture
def retraining(instances, model, tmp_path):
    splits = {
        name: Dataset(instances[:n], model.spec.labels, name, tmp_path, "", {}, 0, False)
        for name, n in (("train", 4), ("dev", 3), ("test", 4))
    }
    blank = Blank(model.recipe, model.spec)
    cpu = torch.device("cpu")
    return Retraining(
        model,
        model.spec,
        Trainable(blank, blank.changed(encoder="average"), Schedule()),
        splits,
        cpu,
        24,
    )


class Book:
    """Records in a list, as a writer keeps them in a file."""

    def __init__(self):
        self.made = []

    def done_in(self, run):
        return {r["row"] for r in self.made if r["run"] == run}

    def records(self):
        return iter(list(self.made))

    def write(self, batch):
        self.made += batch


@pytest.fixture
def recorded(retraining):
    """The records of two runs besides those in `book`, and the names of the models made."""

    def run(book=None, audited="test", text=False, asked=None, carry_out=None, **ledger):
        made = []
        book = book or Book()
        before = list(book.made)
        views = {"other": as_it_is, "uniform": guided(defaultdict(lambda: uniform))}

        def rounds(retraining, ledger, settings, made, observer):
            for name in views:
                yield [{"model": name, "seed": 5}]

        def records(retraining, ledger, settings, run, observer):
            def make():
                made.append(run["model"])
                return retraining.fresh(5).eval(), views[run["model"]]

            return run_records(run, make, retraining, ledger, observer, MEAN, text, asked)

        told = Ledger(audited, **ledger)
        record_rounds(
            Trains(rounds, records), retraining, told, Settings(), book, Silent(), carry_out
        )
        return [r for r in book.made if r not in before], made, book

    return run


def order(records):
    names = [(r["run"]["model"], r["run"]["split"]) for r in records]
    return list(dict.fromkeys(names))


def test_runs_follow_each_other_and_begin_with_the_audited_model(recorded):
    records, made, _ = recorded()
    assert made == ["other", "uniform"]
    models = ("base", "other", "uniform")
    assert order(records) == [(m, s) for m in models for s in ("dev", "test")]
    assert len(records) == 3 * (3 + 4)
    assert "seed" not in records[0]["run"]
    assert records[-1]["run"] == {"model": "uniform", "seed": 5, "split": "test"}


def test_records_hold_answers_attention_and_distances(recorded, retraining):
    records, _, _ = recorded()
    known = {(r["run"]["model"], r["run"]["split"], r["row"]): r for r in records}
    for (name, split, row), record in known.items():
        base = known["base", split, row]
        assert len(record["attention"]) == record["words"]
        assert sum(record["attention"]) == pytest.approx(1, abs=1e-6)
        if name == "base":
            assert "jsd" not in record
            assert "tvd" not in record
            continue
        assert 0 < record["jsd"] <= LN2
        assert record["jsd"] == pytest.approx(
            jsd(*(np.array(x) / np.sum(x) for x in (record["attention"], base["attention"]))),
            abs=1e-6,
        )
        moved = abs(record["probs"][1] - base["probs"][1])
        assert record["tvd"] == pytest.approx(moved, abs=1e-6)
        if name == "uniform" and record["words"] == len(
            retraining.splits[split].instances[row].tokens
        ):
            assert record["attention"] == pytest.approx([1 / record["words"]] * record["words"])


def test_text_stands_in_the_audited_models_records_only_where_asked_for(recorded):
    assert not any("tokens" in r for r in recorded()[0])
    for record in recorded(text=True)[0]:
        assert ("tokens" in record) == (record["run"]["model"] == "base")
        assert len(record.get("tokens", record["attention"])) == record["words"]


def test_the_audited_model_alone_is_asked_for_more(recorded, retraining):
    def asked(model, known):
        assert model is retraining.base
        return [{"first": instance.tokens[0]} for instance in known.instances]

    records, _, _ = recorded(asked=asked)
    for record in records:
        base = record["run"]["model"] == "base"
        tokens = retraining.splits[record["run"]["split"]].instances[record["row"]].tokens
        assert record.get("first") == (tokens[0] if base else None)


def test_pieces_are_units_where_asked_for(recorded):
    words, pieces = (recorded(pieces=p)[0] for p in (False, True))
    split = [next(r for r in part if r["row"] == 1) for part in (words, pieces)]
    assert [r["words"] for r in split] == [3, 5]


def test_what_is_done_is_not_trained_again(recorded):
    records, _, book = recorded()
    again, made, _ = recorded(book)
    assert (again, made) == ([], [])

    gone = {"model": "uniform", "seed": 5, "split": "test"}
    book.made = [r for r in book.made if r["run"] != gone]
    again, made, _ = recorded(book)
    assert made == ["uniform"]
    assert order(again) == [("uniform", "test")]
    assert again == records[-4:]


def test_a_run_that_was_interrupted_goes_on_within_a_split(recorded):
    records, _, book = recorded()
    part = {"model": "other", "seed": 5, "split": "test"}
    book.made = [r for r in book.made if r["run"] != part or r["row"] not in (1, 3)]
    again, made, _ = recorded(book)
    assert made == ["other"]
    assert sorted(r["row"] for r in again) == [1, 3]
    assert all(r in records for r in again)


def test_a_training_that_diverged_is_not_tried_again(recorded):
    records, _, book = recorded()
    other = [r for r in records if r["run"]["model"] == "other"]
    book.made = [r for r in records if r not in other]
    firsts = {r["run"]["split"]: r for r in reversed(other)}
    book.made += [
        {"run": r["run"], "row": r["row"], "id": r["id"], "diverged": True} for r in firsts.values()
    ]
    assert recorded(book)[:2] == ([], [])


def test_each_list_of_runs_is_carried_out_where_the_engine_wants_it(recorded, retraining):
    asked = []

    def nowhere(runs):
        asked.append(list(runs))
        return iter(())

    assert recorded(carry_out=nowhere)[:2] == ([], [])
    assert asked == [
        [{"model": "base"}, {"model": "other", "seed": 5}],
        [{"model": "uniform", "seed": 5}],
    ]


def test_dev_alone_is_recorded_once(recorded):
    records, _, _ = recorded(audited="dev")
    assert order(records) == [(m, "dev") for m in ("base", "other", "uniform")]
    assert len(records) == 9
