"""Several questions in one pass: what they share is made once, and their records are the same."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import pytest

from attnaudit.errors import InputError
from attnaudit.execution.observer import Silent
from attnaudit.execution.units import Here, UnfinishedError
from attnaudit.importance import IMPORTANCES
from attnaudit.measures.bootstrap import Bootstrap
from attnaudit.models.classic.classifier import ClassicModel
from attnaudit.questions import all_questions, find_question
from attnaudit.running import suite
from attnaudit.running.job import Job
from attnaudit.running.run import make_records, run_questions
from attnaudit.running.verification import Verifier
from attnaudit.running.work import Work, load_works
from tests.sealed import body

ASKED = {
    "correlate": {"measures": ("gradient", "gradient_flowing", "random"), "target": "gold"},
    "permute": {"permutations": 5},
    "erase": {"measures": ("gradient", "leave_one_out", "random"), "optimum_items": 0},
    "compare-readings": {"measures": ("gradient", "random"), "draws": 0, "longest": 2},
    "instance-adversary": {},
}


@pytest.fixture(autouse=True)
def _few_draws(monkeypatch):
    monkeypatch.setattr(Bootstrap.__init__, "__defaults__", (0, 40))


@pytest.fixture
def ask(tiny, tmp_path):
    """Ask questions of the tiny model at once; the lines of records, by question."""

    def run(asked, folder="joined", observer=None, **job):
        (tmp_path / folder).mkdir(exist_ok=True)
        given = {
            "model": str(tiny / "model.pt"),
            "data": tiny / "data.yaml",
            "records": tmp_path / folder / "r.jsonl",
            "batch_tokens": 100,
            "limit": 16,
            "verify": 0,
        }
        questions = [(find_question(n), find_question(n).settings(**s)) for n, s in asked.items()]
        works = load_works(questions, Job(**given | job), None, Silent())
        for _ in make_records(works, Here(), observer or Silent(), Verifier()):
            pass
        return {work.question.name: body(work.job.records) for work in works}

    return run


@pytest.fixture
def batches(monkeypatch):
    """The batches that questions were asked about, each as often as it was."""
    asked = Counter()
    perform = Work.perform

    def noted(self, task, *others):
        asked[tuple(self.data.instances[i].row for i in self.batches.groups[task])] += 1
        return perform(self, task, *others)

    monkeypatch.setattr(Work, "perform", noted)
    return asked


@pytest.fixture
def encoded(monkeypatch):
    """How often a model has encoded some texts as they are, by their rows and tokens."""
    made = Counter()
    encode = ClassicModel.encode

    def counted(self, batch, embeddings=None):
        if embeddings is None:
            made[tuple(batch.rows.tolist()), int(batch.mask.sum())] += 1
        return encode(self, batch, embeddings)

    monkeypatch.setattr(ClassicModel, "encode", counted)
    return made


@pytest.fixture
def computed(monkeypatch):
    """How often each importance was computed."""
    made = Counter()

    def counting(name, compute):
        def count(request):
            made[name] += 1
            return compute(request)

        return count

    for name, importance in list(IMPORTANCES.items()):
        counted = replace(importance, compute=counting(name, importance.compute))
        monkeypatch.setitem(IMPORTANCES, name, counted)
    return made


def test_the_records_are_those_of_single_commands(ask):
    joined = ask(ASKED)
    for name, settings in ASKED.items():
        assert joined[name] == ask({name: settings}, name)[name], name


def test_a_command_that_asks_several_questions_makes_one_pass(tiny, batches):
    names = ("permute", "instance-adversary")
    asked = [(find_question(name), find_question(name).settings()) for name in names]
    told = []
    listener = Silent()
    listener.task = lambda title, *_: told.append(title) or Silent().task("", 0)
    run_questions(asked, Job(str(tiny / "model.pt"), tiny / "data.yaml", limit=3), None, listener)
    assert told == ["permute, instance-adversary"]
    assert set(batches.values()) == {2}


def test_a_batch_is_answered_once_and_each_importance_computed_once(
    ask, batches, encoded, computed
):
    asked = {**ASKED, "correlate": {**ASKED["correlate"], "target": "predicted"}}
    ask(asked)
    assert set(batches.values()) == {len(asked)}
    wholes = {rows: max(n for these, n in encoded if these == rows) for rows in batches}
    assert [encoded[rows, tokens] for rows, tokens in wholes.items()] == [1] * len(batches)
    names = ("gradient", "gradient_flowing", "leave_one_out", "random")
    assert computed == dict.fromkeys(names, len(batches))


def test_other_classes_have_importances_of_their_own(ask, batches, computed):
    ask({name: ASKED[name] for name in ("correlate", "erase")})
    assert computed["gradient_flowing"] == len(batches)
    # In batches in which every answer is right, the two explain the same classes.
    assert len(batches) < computed["gradient"] <= 2 * len(batches)


class Stops(Silent):
    """Presses Ctrl-C after some batches."""

    def __init__(self, batches):
        self.left = batches

    def advance(self, steps=1, info=""):
        self.left -= 1
        if not self.left:
            raise KeyboardInterrupt


def test_an_interrupted_pass_goes_on_where_it_stopped(ask, batches, tmp_path):
    asked = {name: ASKED[name] for name in ("correlate", "permute")}
    whole = ask(asked, "whole")
    count = len(batches)
    with pytest.raises(KeyboardInterrupt):
        ask(asked, observer=Stops(2))
    names = {path.name for path in (tmp_path / "joined").iterdir()}
    assert names == {"r.correlate.jsonl.partial", "r.permute.jsonl.partial"}
    batches.clear()
    assert ask(asked, resume=True) == whole
    assert len(batches) == count - 2


def test_questions_that_have_got_less_far_catch_up(ask, batches, tmp_path):
    asked = {name: ASKED[name] for name in ("correlate", "permute")}
    whole = ask(asked, "whole")
    with pytest.raises(KeyboardInterrupt):
        ask(asked, observer=Stops(2))
    (tmp_path / "joined" / "r.permute.jsonl.partial").unlink()
    batches.clear()
    assert ask(asked, resume=True) == whole
    assert set(batches.values()) == {2}


@pytest.fixture
def failing(monkeypatch):
    """Let one question fail at its third batch, so many times."""
    perform = Work.perform

    def fail(name, times, error):
        left = [times]

        def instead(self, task, *others):
            if self.question.name == name and task == 2 and left[0]:
                left[0] -= 1
                raise error
            return perform(self, task, *others)

        monkeypatch.setattr(Work, "perform", instead)

    return fail


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (ValueError("nothing works"), "1 of . pieces of work failed 3 times"),
        (InputError("no text"), "no text"),
    ],
)
def test_what_fails_does_not_take_the_others_along(ask, failing, tmp_path, error, says):
    asked = {name: ASKED[name] for name in ("correlate", "permute", "erase")}
    whole = ask(asked, "whole")
    failing("permute", 99, error)
    with pytest.raises((UnfinishedError, InputError), match=says):
        ask(asked)
    assert body(tmp_path / "joined" / "r.correlate.jsonl") == whole["correlate"]
    left = tmp_path / "joined" / "r.permute.jsonl.partial"
    assert len({json.loads(line)["row"] for line in body(left)}) > 1
    failing("permute", 0, error)
    assert ask(asked, resume=True) == whole


def test_what_fails_at_first_leaves_no_trace(ask, failing):
    asked = {name: ASKED[name] for name in ("correlate", "permute")}
    whole = ask(asked, "whole")
    failing("permute", 1, ValueError("once"))
    assert ask(asked) == whole


def test_a_suite_asks_first_what_goes_together_and_that_builds_on_nothing():
    together, *others = suite._together(all_questions())
    assert {"correlate", "permute", "erase", "instance-adversary"} < {q.name for q in together}
    assert not any(question._has("earlier") for question in together)
    names = [question.name for (question,) in others]
    assert names == [q.name for q in all_questions() if q not in together]
