"""Work as orders and tasks: what a worker is told, and what it refuses."""

from __future__ import annotations

import pickle
from contextlib import contextmanager
from dataclasses import replace

import pytest

from attnaudit.errors import InputError
from attnaudit.execution.observer import Silent
from attnaudit.models.classic.classifier import ClassicModel
from attnaudit.questions import find_question
from attnaudit.running import work as module
from attnaudit.running.job import Job
from attnaudit.running.work import Order, load_work, perform, perform_joined, unit_key


@pytest.fixture(autouse=True)
def _nothing_open():
    module._OPEN.clear()
    yield
    module._OPEN.clear()


@pytest.fixture
def load(tiny):
    """The work of an audit of the tiny model, a few texts a batch."""

    def make(name="permute", job=None, **settings):
        audit = find_question(name)
        given = {"model": str(tiny / "model.pt"), "data": tiny / "data.yaml", "batch_tokens": 200}
        return load_work(
            audit, audit.settings(**settings), Job(**given | (job or {})), None, Silent()
        )

    return make


def test_tasks_of_all_batches_give_every_record_once(load):
    work = load()
    assert len(work.batches) > 3
    made = [r for k in range(len(work.batches)) for r in work.perform(k, Silent())]
    assert sorted(r["row"] for r in made) == list(range(30))
    ids = [name for k in range(len(work.batches)) for name in work.ids(k)]
    assert ids == [r["id"] for r in made]


def test_an_order_is_small_and_holds_no_model(load):
    work = load("seed-baseline", seeds=1)
    sent = pickle.dumps(Order.of(work))
    assert len(sent) < 20_000
    assert b"torch" not in sent.replace(b'"torch"', b"").replace(b"\x05torch\x94", b"")


def test_another_process_leaves_out_what_this_one_has_left_out(load, monkeypatch):
    """Of a model that gives the gradients of its own logits token by token only."""
    monkeypatch.setattr(ClassicModel, "encode_locally", None)
    work = load("correlate")
    assert work.settings.left_out == ("gradient_own_logit", "attention_null")
    order = pickle.loads(pickle.dumps(Order.of(work)))
    assert perform((order, 0)).records == work.perform(0, Silent())


@pytest.mark.parametrize("task", [1, {"model": "seed", "seed": 1}])
def test_another_process_makes_the_same_records(load, task):
    work = load("permute") if isinstance(task, int) else load("seed-baseline", seeds=1)
    order = pickle.loads(pickle.dumps(Order.of(work)))
    assert perform((order, task)).records == work.perform(task, Silent())


def test_a_worker_loads_once_for_all_tasks_of_an_order(load, monkeypatch):
    loaded = []
    real = module.load_works
    one, other = Order.of(load()), Order.of(load("erase", measures=("gradient",)))
    monkeypatch.setattr(module, "load_works", lambda *a: loaded.append(1) or real(*a))
    for order in (one, one, other, other):
        perform((order, 0))
    assert len(loaded) == 2
    assert len(module._OPEN) == 1


def test_orders_that_are_done_together_are_loaded_once_for_all(load, monkeypatch):
    works = [load(), load("erase", measures=("gradient",))]
    orders = pickle.loads(pickle.dumps([Order.of(work) for work in works]))
    loaded = []
    real = module.load_works
    monkeypatch.setattr(module, "load_works", lambda *a: loaded.append(1) or real(*a))
    made = [perform_joined((some, 1)) for some in (orders, orders[1:])]
    alone = [work.perform(1, Silent()) for work in works]
    assert [records for records, _ in made] == [alone, alone[1:]]
    assert len(loaded) == 1
    changed = {"conditions": {"code": "older"}}
    wrong = replace(orders[0], header=orders[0].header.model_copy(update=changed))
    with pytest.raises(InputError, match="a worker differs from this process"):
        perform_joined(([orders[1], wrong], 1))


def test_paths_are_those_of_the_folder_that_the_order_names(load, tiny, monkeypatch, tmp_path):
    monkeypatch.chdir(tiny)
    work = load(job={"model": "model.pt", "data": (tiny / "data.yaml").relative_to(tiny)})
    order = Order.of(work)
    monkeypatch.chdir(tmp_path)
    assert perform((order, 0)).records == work.perform(0, Silent())
    with pytest.raises(InputError, match="a worker cannot work in this folder"):
        perform((replace(order, folder=tmp_path / "gone"), 0))


@pytest.mark.parametrize(
    ("part", "change", "says"),
    [
        ("model", {"sha256": "00"}, r'there its model.sha256 is ".*", but this run\'s is "00"'),
        ("dataset", {"sha256": "00"}, r'there its dataset.sha256 is ".*", but this run\'s is "00"'),
        (
            None,
            {"conditions": {"code": "older"}},
            r"there its conditions.code is .*, but this run's is \"older\"",
        ),
    ],
)
def test_a_worker_that_sees_something_else_refuses(load, part, change, says):
    order = Order.of(load())
    if part is not None:
        change = {part: getattr(order.header, part).model_copy(update=change)}
    with pytest.raises(InputError, match="a worker differs from this process") as caught:
        perform((replace(order, header=order.header.model_copy(update=change)), 0))
    assert caught.match(says)
    assert not module._OPEN


def test_keys_tell_tasks_and_works_apart(load):
    one, other = load().header, load(seed=1).header
    keys = {unit_key(h, t) for h in (one, other) for t in (0, 1, {"seed": 0}, {"seed": 1})}
    assert len(keys) == 8
    assert unit_key(one, {"a": 1, "b": 2}) == unit_key(one, {"b": 2, "a": 1})
    assert unit_key(load().header, 0) == unit_key(one, 0)


@pytest.mark.parametrize(
    "job", [{"batch_tokens": 300}, {"threads": 2}, {"dtype": "float64"}, {"pieces": True}]
)
def test_the_last_digits_depend_on_more_than_the_settings(load, job):
    assert load(job=job).header.digest != load().header.digest


def test_and_not_on_how_many_share_the_work(load):
    assert load(job={"workers": 3}).header.digest == load().header.digest
    many = load(job={"workers": 3, "threads": 6}).header
    assert many.digest == load(job={"threads": 2}).header.digest
    assert load(job={"workers": 4, "threads": 2}).job.threads_each == 1


def test_trainings_depend_on_what_is_learned_from(load, tiny, tmp_path):
    import shutil

    shutil.copytree(tiny, tmp_path / "copy")
    changed = tmp_path / "copy" / "train.jsonl"
    changed.write_text(changed.read_text().replace(" the ", " a "))
    job = {"data": tmp_path / "copy" / "data.yaml"}
    retrains = ("seed-baseline", job), ("seed-baseline", {})
    moved, here = (load(name, job=given, seeds=1).header for name, given in retrains)
    assert moved.conditions["learning"]["train"] != here.conditions["learning"]["train"]
    assert load(job=job).header.digest == load().header.digest  # it trains nothing


def test_a_model_is_quiet_for_a_whole_task(load, monkeypatch):
    """If it can be: each pass would otherwise see to it by itself."""
    done = []

    @contextmanager
    def quietly():
        done.append("begun")
        yield
        done.append("ended")

    work = load("permute")
    before = work.perform(0, Silent())
    assert before
    monkeypatch.setattr(work.loaded.model, "quietly", quietly, raising=False)
    assert work.perform(0, Silent()) == before
    assert done == ["begun", "ended"]
