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
from attnaudit.models.descent import Adam, AdamW
from attnaudit.models.predict import Batches, predict
from attnaudit.models.schedule import FineTuning, Schedule
from attnaudit.models.training import Labels, TrainingData, train

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
    with pytest.raises(InputError, match="the dev split has only one class"):
        train(build(), data, Schedule(epochs=1), observer)
    assert not observer.tasks
    progress = train(build(), data, Schedule(epochs=1, select="accuracy"), observer)
    assert list(progress.epochs[0]) == ["loss", "accuracy"]


def test_a_class_without_texts_is_refused(make_instances, vocabulary, build):
    texts = make_instances([3, 3, 3, 3], classes=2)
    data = TrainingData(texts, texts, vocabulary, 3, CPU)
    with pytest.raises(InputError, match="the train split has no text of class 2"):
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


# --- fine-tuning -----------------------------------------------------------------------------


@pytest.mark.parametrize(("warmup", "top"), [(0.25, 3), (0.0, 0), (0.5, 6)])
def test_the_rate_rises_and_falls_in_straight_lines_to_0(warmup, top):
    schedule = FineTuning(warmup=warmup)
    steps = [schedule.rate(k / 12) for k in range(13)]
    assert steps[top] == 1.0
    rise, fall = np.diff(steps[: top + 1]), np.diff(steps[top:])
    assert np.allclose(rise, 1 / top if top else 0)
    assert np.allclose(fall, -1 / (12 - top))
    assert steps[-1] == 0.0
    assert all(Schedule().rate(k / 12) == 1.0 for k in range(13))


@pytest.fixture
def rates(monkeypatch, make_data, build):
    """The learning rate of each step of a training."""

    def of(schedule, **more):
        seen = []
        step = AdamW.step

        def watched(self, *args, **kwargs):
            seen.append([group["lr"] for group in self.param_groups])
            return step(self, *args, **kwargs)

        with monkeypatch.context() as patch:
            patch.setattr(AdamW, "step", watched)
            train(build(), make_data(), schedule, Silent(), **more)
        return seen

    return of


def test_every_step_has_a_rate_of_its_own_over_all_epochs(rates):
    seen = rates(FineTuning(epochs=2, batch_size=8, learning_rate=0.1, warmup=0.5))
    assert all(a == b for a, b in seen)  # both groups of weights
    found = [a for a, _ in seen]
    assert len(found) == 12
    expected = [0.1 * min(k, 13 - k) / 6.5 for k in range(1, 13)]
    assert found == pytest.approx(expected)
    assert min(found) > 0  # no step is wasted


def test_a_resumed_fine_tuning_goes_on_at_the_same_rate(rates, make_data, build, tmp_path):
    schedule = FineTuning(epochs=3, batch_size=8, learning_rate=0.01)
    whole = rates(schedule)
    state = tmp_path / "training.state"
    with pytest.raises(KeyboardInterrupt):
        train(build(), make_data(), schedule, StopsAt(9), state_file=state)
    assert rates(schedule, state_file=state, resume=True) == whole[6:]


def test_gradients_are_cut_to_norm_1_in_fine_tuning_alone(monkeypatch, make_data, build):
    """A model that is certain, and wrong, has large gradients."""
    norms = []

    def watched(kind):
        step = kind.step

        def instead(self, *args, **kwargs):
            given = [p.grad for g in self.param_groups for p in g["params"] if p.grad is not None]
            norms.append(torch.cat([g.flatten() for g in given]).norm().item())
            return step(self, *args, **kwargs)

        monkeypatch.setattr(kind, "step", instead)

    watched(AdamW)
    watched(Adam)
    largest = {}
    for schedule in (Schedule, FineTuning):
        norms.clear()
        model = build()
        with torch.no_grad():
            model.output.weight.mul_(50)
        train(model, make_data(), schedule(epochs=1, batch_size=8), Silent())
        assert len(norms) == 6
        largest[schedule] = max(norms)
    assert largest[FineTuning] == pytest.approx(1, rel=1e-4)
    assert largest[Schedule] > 2


def test_biases_and_norms_do_not_decay(build):
    model = build()
    optimiser = FineTuning(weight_decay=0.3).optimiser(model)
    assert isinstance(optimiser, torch.optim.AdamW)
    decaying, others = optimiser.param_groups
    assert (decaying["weight_decay"], others["weight_decay"]) == (0.3, 0.0)
    assert all(p.ndim > 1 for p in decaying["params"])
    assert all(p.ndim <= 1 for p in others["params"])
    count = len(decaying["params"]) + len(others["params"])
    assert count == len(list(model.parameters()))
    model.embedding.weight.requires_grad_(False)
    groups = FineTuning().optimiser(model).param_groups
    assert not any(model.embedding.weight is p for group in groups for p in group["params"])


def test_the_defaults_of_fine_tuning_are_those_of_the_paper():
    """Devlin et al. 2019, appendix A: 5e-5, 3 epochs, batches of 32, decay .01, warm-up."""
    schedule = FineTuning()
    assert (schedule.epochs, schedule.learning_rate, schedule.batch_size) == (3, 5e-5, 32)
    assert (schedule.weight_decay, schedule.warmup, schedule.clip) == (0.01, 0.1, 1.0)
    assert Schedule().clip == np.inf


def test_mixed_precision_is_for_gpus(monkeypatch, make_data, build):
    seen = []

    class Watched(Labels):
        def losses(self, model, batch):
            seen.append(torch.is_autocast_enabled("cpu") or torch.is_autocast_enabled("cuda"))
            return super().losses(model, batch)

    model, data, schedule = build(), make_data(n=16), FineTuning(epochs=1)
    train(model, data, schedule, Silent(), objective=Watched(model, data, schedule))
    assert seen == [False]

    asked = []
    monkeypatch.setattr(torch, "autocast", lambda kind, dtype: asked.append((kind, dtype)))
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: True)
    gpu = torch.device("cuda")
    schedule.precision(gpu)
    assert asked == [("cuda", torch.bfloat16)]
    FineTuning(mixed_precision=False).precision(gpu)
    Schedule().precision(gpu)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: False)
    schedule.precision(gpu)
    assert len(asked) == 1


# --- dropout ---------------------------------------------------------------------------------


@pytest.fixture
def dropping(build):
    """A model with dropout on its logits; transformers and models of users have some."""

    def make():
        model = build()
        read = model.read
        model.read = lambda encoded, alpha: torch.nn.functional.dropout(
            read(encoded, alpha), 0.5, model.training
        )
        return model

    return make


def test_dropout_depends_on_the_seed_alone(make_data, dropping):
    def run(seed, before):
        torch.manual_seed(before)
        model = dropping()
        train(model, make_data(n=16), Schedule(epochs=2, batch_size=8, seed=seed), Silent())
        return weights(model)

    first = run(0, 1)
    assert same(first, run(0, 2))
    assert not same(first, run(1, 1))


def test_dropout_of_a_resumed_training_is_that_of_a_whole_one(tmp_path, make_data, dropping):
    data, schedule = make_data(), Schedule(epochs=3, batch_size=8, learning_rate=0.01)
    whole, resumed = dropping(), dropping()
    train(whole, data, schedule, Silent())
    state = tmp_path / "training.state"
    with pytest.raises(KeyboardInterrupt):
        train(dropping(), data, schedule, StopsAt(9), state_file=state)
    torch.manual_seed(99)
    train(resumed, data, schedule, Silent(), state_file=state, resume=True)
    assert same(weights(resumed), weights(whole))


def test_training_leaves_random_numbers_as_they_were(make_data, dropping):
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    train(dropping(), make_data(n=16), Schedule(epochs=1), Silent())
    assert torch.equal(torch.rand(2), expected)


def test_every_epoch_and_seed_draws_something_else():
    def drawn(seed, epoch):
        with training._drawing(seed, epoch, CPU):
            return torch.rand(3).tolist()

    found = [drawn(seed, epoch) for seed in (0, 1, 2**31 - 1) for epoch in range(3)]
    assert len({tuple(numbers) for numbers in found}) == 9
    assert drawn(1, 2) == found[5]


def test_texts_that_are_too_many_to_keep_train_the_same_model(make_data, build, monkeypatch):
    kept, anew = build("bilstm"), build("bilstm")
    train(kept, make_data(), Schedule(epochs=2), Silent())
    monkeypatch.setattr(training, "is_small", lambda instances: False)
    train(anew, make_data(), Schedule(epochs=2), Silent())
    assert same(weights(kept), weights(anew))


def test_products_may_take_tf32_on_a_gpu_while_a_model_learns_and_in_no_score():
    places = (torch.backends.cuda.matmul, torch.backends.cudnn)
    before = [place.allow_tf32 for place in places]

    def allowed(schedule, device):
        with schedule.products(torch.device(device)):
            return [place.allow_tf32 for place in places]

    assert allowed(Schedule(), "cuda") == allowed(FineTuning(), "cuda") == [True, True]
    assert allowed(Schedule(), "cpu") == before
    assert allowed(FineTuning(mixed_precision=False), "cuda") == before
    with pytest.raises(KeyboardInterrupt), Schedule().products(torch.device("cuda")):
        raise KeyboardInterrupt
    assert [place.allow_tf32 for place in places] == before


def test_scores_on_dev_are_computed_in_full_precision(monkeypatch, make_data, build):
    """The context of products is left before any score."""
    inside, seen = [False], []

    @contextmanager
    def products(self, device):
        inside[0] = True
        yield
        inside[0] = False

    class Watched(Labels):
        def losses(self, model, batch):
            seen.append(("losses", inside[0]))
            return super().losses(model, batch)

        def score(self, model):
            seen.append(("score", inside[0]))
            return super().score(model)

    monkeypatch.setattr(Schedule, "products", products)
    model, data, schedule = build(), make_data(), Schedule(epochs=1)
    train(model, data, schedule, Silent(), objective=Watched(model, data, schedule))
    assert set(seen) == {("losses", True), ("score", False)}


def test_the_texts_of_dev_are_made_to_batches_once(make_data, build):
    data = make_data()
    first, second = (Labels(build(), data, Schedule()) for _ in range(2))
    assert first._dev is second._dev
