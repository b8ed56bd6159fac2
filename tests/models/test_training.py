from __future__ import annotations

import copy
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
import torch

from attnaudit.data.batch import collate
from attnaudit.errors import InputError, ModelError
from attnaudit.execution.observer import Silent
from attnaudit.measures.scores import accuracy
from attnaudit.models import training
from attnaudit.models.predict import Batches, predict
from attnaudit.models.training import Labels, Schedule, TrainingData, train

CPU = torch.device("cpu")


class StopsAt(Silent):
    """Interrupts, as Ctrl-C does, after so many steps; also counts tasks and their progress."""

    def __init__(self, step=None):
        self.step, self.steps, self.tasks = step, 0, []

    @contextmanager
    def task(self, title, total, done=0):
        self.tasks.append((title, total, done))
        yield self

    def advance(self, steps=1, info=""):
        self.steps += steps
        if steps and self.steps == self.step:
            raise KeyboardInterrupt


@pytest.fixture
def make_data(make_instances, make_instance, vocabulary):
    """Texts that hold `w<class>`, and no other class's word."""

    def make(n=48, classes=2, dev_labels=None, lengths=(2, 7)) -> TrainingData:
        chance = np.random.default_rng(0)

        def texts(labels):
            made = []
            for row, label in enumerate(labels):
                words = [f"w{i}" for i in chance.integers(5, 30, chance.integers(*lengths))]
                words.insert(int(chance.integers(len(words) + 1)), f"w{label}")
                made.append(make_instance(words, row, label))
            return made

        labels = np.arange(n) % classes
        dev = texts(labels[: n // 2] if dev_labels is None else dev_labels)
        return TrainingData(texts(labels), dev, vocabulary, classes, CPU)

    return make


@pytest.fixture
def build(make_model):
    def make(encoder="average", seed=0, **kwargs):
        return make_model(encoder, seed=seed, dtype=torch.float32, **kwargs)

    return make


def weights(model):
    return copy.deepcopy(model.state_dict())


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize(
    ("encoder", "classes"), [("bilstm", 2), ("cnn", 2), ("average", 2), ("average", 3)]
)
def test_a_task_that_can_be_learned_is_learned(make_data, build, encoder, classes):
    data = make_data(classes=classes)
    model = build(encoder, classes=classes)
    schedule = Schedule(epochs=15, batch_size=8, learning_rate=0.03)
    progress = train(model, data, schedule, Silent())
    score = "auroc" if classes == 2 else "accuracy"
    scores = [epoch[score] for epoch in progress.epochs]
    assert scores[progress.best_epoch - 1] == max(scores) > 0.95
    assert progress.epochs[-1]["loss"] < 0.5 * progress.epochs[0]["loss"]
    probs = predict(model, Batches(data.train, data.vocabulary, True, CPU))
    assert accuracy([i.label for i in data.train], probs) > 0.95
    assert not model.training


def test_the_best_dev_epoch_is_kept_and_of_equals_the_first(monkeypatch, make_data, build):
    data = make_data(n=16, dev_labels=[0, 0, 1, 1])
    scripted = {0.25: [3, 1, 2, 0], 0.75: [0, 2, 1, 3], 0.5: [1, 2, 0, 3]}
    path = [0.25, 0.75, 0.5, 0.75, 0.25]
    answers = iter(path)

    def say(model, batches):
        positive = np.array(scripted[next(answers)]) / 4
        return np.stack([1 - positive, positive], axis=1)

    monkeypatch.setattr(training, "predict", say)
    model = build()
    progress = train(model, data, Schedule(epochs=5), Silent())
    assert [epoch["auroc"] for epoch in progress.epochs] == path
    assert progress.best_epoch == 2

    answers = iter(path)
    shorter = build()
    train(shorter, data, Schedule(epochs=2), Silent())
    assert same(weights(model), weights(shorter))
    assert not same(progress.weights, progress.best_weights)


@pytest.mark.parametrize(
    ("classes", "setting", "expected"),
    [
        (2, "balanced", [1.0, 9 / 3]),
        (2, "none", [1.0, 1.0]),
        (3, "balanced", [12 / (3 * 6), 12 / (3 * 4), 12 / (3 * 2)]),
        (3, "none", [1.0, 1.0, 1.0]),
    ],
)
def test_the_loss_weighs_the_classes(make_instances, vocabulary, build, classes, setting, expected):
    counts = [9, 3] if classes == 2 else [6, 4, 2]
    labels = np.repeat(range(classes), counts)
    texts = make_instances([4] * 12)
    texts = [replace(t, label=int(label)) for t, label in zip(texts, labels, strict=True)]
    model = build(classes=classes)
    logits = model(collate(texts, vocabulary, boundaries=True)).detach().double()
    losses = -logits.log_softmax(-1)[range(12), labels].numpy()
    data = TrainingData(texts, texts, vocabulary, classes, CPU)
    # steps so small that the model stands still
    schedule = Schedule(epochs=1, learning_rate=1e-30, class_weights=setting)
    progress = train(model, data, schedule, Silent())
    mean = (losses * np.array(expected)[labels]).mean()
    assert progress.epochs[0]["loss"] == pytest.approx(mean, rel=1e-6)


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_weight_decay_moves_everything_but_the_attention(make_instance, vocabulary, build, decay):
    """With one position to attend to, no gradient reaches the attention."""
    texts = [make_instance([f"w{row % 4}"], row, row % 2) for row in range(8)]
    data = TrainingData(texts, texts, vocabulary, 2, CPU)
    model = build()
    before = weights(model)
    train(model, data, Schedule(epochs=1, weight_decay=decay), Silent())
    for name, weight in weights(model).items():
        if name.startswith("attention."):
            assert torch.equal(weight, before[name])
    unused = slice(*vocabulary.ids(["w10", "w20"]))
    now, then = model.embedding.weight[unused], before["embedding.weight"][unused]
    assert (now.abs() < then.abs()).all() if decay else torch.equal(now, then)
    assert not torch.equal(model.output.weight, before["output.weight"])


def test_the_attention_learns_where_it_has_something_to_learn(make_data, build):
    model = build()
    before = weights(model)
    train(model, make_data(), Schedule(epochs=1), Silent())
    assert not torch.equal(model.attention.states.weight, before["attention.states.weight"])


@pytest.mark.parametrize("encoder", ["bilstm", "average"])
def test_the_seed_alone_decides(make_data, build, encoder):
    data = make_data()

    def run(seed):
        model = build(encoder)
        progress = train(model, data, Schedule(epochs=2, batch_size=8, seed=seed), Silent())
        return weights(model), progress.epochs

    torch.manual_seed(1)
    first = run(0)
    torch.manual_seed(2)
    again, other = run(0), run(1)
    assert same(first[0], again[0])
    assert first[1] == again[1]
    assert not same(first[0], other[0])


def test_batches_hold_texts_of_similar_length_and_differ_between_epochs(make_data, build):
    data = make_data(n=64, lengths=(1, 40))
    model = build()
    seen = []

    class Watched(Labels):
        def losses(self, model, batch):
            seen.append(batch)
            return super().losses(model, batch)

    schedule = Schedule(epochs=2, batch_size=8)
    train(model, data, schedule, Silent(), objective=Watched(model, data, schedule))
    assert len(seen) == 16
    epochs = [[set(b.rows.tolist()) for b in part] for part in (seen[:8], seen[8:])]
    for batches in epochs:
        assert sorted(row for batch in batches for row in batch) == list(range(64))
    assert not all(batch in epochs[1] for batch in epochs[0])
    padded = sum(b.mask.numel() for b in seen)
    assert sum(int(b.mask.sum()) for b in seen) > 0.8 * padded


@pytest.mark.parametrize("step", [4, 9, 15, 18])
def test_an_interrupted_training_ends_as_if_it_had_not_been(tmp_path, make_data, build, step):
    """Six steps an epoch: the interruptions fall into epochs 1, 2 and 3, and on the last step."""
    data = make_data()
    schedule = Schedule(epochs=3, batch_size=8, learning_rate=0.01)
    whole, first = build("bilstm"), build("bilstm")
    expected = train(whole, data, schedule, Silent(), digest="d")

    state = tmp_path / "training.state"
    with pytest.raises(KeyboardInterrupt):
        train(first, data, schedule, StopsAt(step), digest="d", state_file=state, resume=True)
    done = (step - 1) // 6
    assert state.exists() == (done > 0)
    observer = StopsAt()
    resumed = build("bilstm", seed=5 if done else 0)  # weights of its own are to be overwritten
    found = train(resumed, data, schedule, observer, digest="d", state_file=state, resume=True)
    assert observer.tasks == [("train", 18, done * 6)]
    assert observer.steps == 18 - done * 6
    assert same(weights(resumed), weights(whole))
    assert found.epochs == expected.epochs
    assert found.best_epoch == expected.best_epoch


def test_a_finished_training_is_resumed_without_a_step(tmp_path, make_data, build):
    data, state = make_data(n=16), tmp_path / "training.state"
    schedule = Schedule(epochs=2)
    first = build()
    train(first, data, schedule, Silent(), state_file=state)
    observer, second = StopsAt(), build(seed=1)
    train(second, data, schedule, observer, state_file=state, resume=True)
    assert observer.steps == 0
    assert same(weights(first), weights(second))


def test_without_resume_an_old_state_is_left_aside(tmp_path, make_data, build):
    data, state = make_data(n=16), tmp_path / "training.state"
    state.write_text("anything")
    observer = StopsAt()
    train(build(), data, Schedule(epochs=1), observer, state_file=state)
    assert observer.tasks == [("train", 1, 0)]


def test_the_state_of_another_training_is_refused(tmp_path, make_data, build):
    data, state = make_data(n=16), tmp_path / "training.state"
    train(build(), data, Schedule(epochs=1), Silent(), digest="a", state_file=state)
    with pytest.raises(InputError, match="another configuration or other data; delete it, or"):
        train(
            build(), data, Schedule(epochs=1), Silent(), digest="b", state_file=state, resume=True
        )


@pytest.mark.parametrize("content", [b"", b"not a state", b"PK\x03\x04"])
def test_a_file_that_is_no_state_is_refused(tmp_path, make_data, build, content):
    state = tmp_path / "training.state"
    state.write_bytes(content)
    with pytest.raises(InputError, match="is not the state of an interrupted training") as caught:
        train(build(), make_data(n=16), Schedule(epochs=1), Silent(), state_file=state, resume=True)
    assert str(caught.value).startswith(str(state))


def test_a_training_that_diverges_says_so(make_data, build):
    with pytest.raises(ModelError, match="the loss is not finite after epoch 1; lower the learni"):
        train(build(), make_data(), Schedule(batch_size=8, learning_rate=1e38), Silent())


def test_frozen_parameters_stay(make_data, build):
    model = build()
    model.embedding.weight.requires_grad_(False)
    before = weights(model)
    train(model, make_data(), Schedule(epochs=1), Silent())
    assert torch.equal(model.embedding.weight, before["embedding.weight"])
    assert not torch.equal(model.output.weight, before["output.weight"])


def test_the_optimiser_is_set_as_in_the_paper(make_data, build):
    """Jain & Wallace 2019: Adam with AMSGrad, learning rate 1e-3, weight decay 1e-5."""
    progress = train(build(), make_data(n=16), Schedule(epochs=1), Silent())
    groups = progress.optimiser["param_groups"]
    assert [(g["lr"], g["weight_decay"]) for g in groups] == [(1e-3, 1e-5), (1e-3, 0.0)]
    assert all(g["amsgrad"] for g in groups)


def test_a_uniform_model_trains_without_attention_parameters(make_data, build):
    model = build(attention="uniform")
    progress = train(model, make_data(), Schedule(epochs=1), Silent())
    assert len(progress.epochs) == 1


def test_one_class_in_dev_is_refused_before_the_first_step(make_data, build):
    data, observer = make_data(dev_labels=[1, 1, 1]), StopsAt()
    with pytest.raises(InputError, match="the dev split holds one class only"):
        train(build(), data, Schedule(epochs=1), observer)
    assert not observer.tasks
    progress = train(build(), data, Schedule(epochs=1, select="accuracy"), observer)
    assert list(progress.epochs[0]) == ["loss", "accuracy"]


def test_a_class_without_texts_is_refused(make_instances, vocabulary, build):
    texts = make_instances([3, 3, 3, 3], classes=2)
    data = TrainingData(texts, texts, vocabulary, 3, CPU)
    with pytest.raises(InputError, match="the train split has no instance of class 2"):
        train(build(classes=3), data, Schedule(epochs=1), Silent())


def test_auroc_selects_among_two_classes_only(make_data, build):
    with pytest.raises(InputError, match="auroc needs two classes; use select: accuracy"):
        train(build(classes=3), make_data(classes=3), Schedule(select="auroc"), Silent())


def test_patience_stops_a_training_that_gets_no_better(make_data, build):
    class Worse(Labels):
        scores = iter([0.5, 0.9, 0.9, 0.8, 0.95, 1.0])

        def score(self, model):
            return next(self.scores)

    model, data, schedule = build(), make_data(n=16), Schedule(epochs=6, patience=2)
    goal = Worse(model, data, schedule)
    progress = train(model, data, schedule, Silent(), objective=goal)
    assert [e["auroc"] for e in progress.epochs] == [0.5, 0.9, 0.9, 0.8]
    assert progress.best_epoch == 2


def test_a_penalty_of_the_model_joins_the_loss(make_data, build):
    data, schedule, model = make_data(), Schedule(), build()
    goal = Labels(model, data, schedule)
    batch = collate(data.train, data.vocabulary, boundaries=True)
    alone = goal.losses(model, batch)
    model.penalty = lambda batch, alpha: 3 * alpha[:, 0].amax(1)
    largest = model.attend(model.encode(batch))[:, 0].amax(1)
    torch.testing.assert_close(goal.losses(model, batch), alone + 3 * largest)
