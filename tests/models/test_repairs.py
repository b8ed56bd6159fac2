from __future__ import annotations

import copy

import pytest
import torch

from attnaudit.data.batch import Batch, collate
from attnaudit.errors import InputError
from attnaudit.execution.observer import Silent
from attnaudit.models import imitation, repairs, training
from attnaudit.models.classic.encoders import ENCODERS
from attnaudit.models.guided import Guided, keep, uniform
from attnaudit.models.predict import Batches
from attnaudit.models.removal import Shortened, removals
from attnaudit.models.repairs import added_losses, check_repairs
from attnaudit.models.schedule import REPAIRS, FineTuning, Schedule
from attnaudit.models.training import Labels, TrainingData, train
from attnaudit.models.transformer.encoder_decoder import EncoderDecoder

CPU = torch.device("cpu")
LENGTHS = [3, 7, 1, 5]
ALL = Schedule(conicity=0.5, tying=0.25, masked_words=2.0)


@pytest.fixture
def make(make_model):
    """A model whose states are as wide as its embeddings."""

    def build(encoder="bilstm", **changes):
        sizes = {"embedding": 8, "hidden": 4 if "bilstm" in encoder else 8}
        return make_model(encoder, **{**sizes, **changes})

    return build


def added(schedule, model, batch, view=None):
    """What the repairs add to each text, in a graph."""
    view = model if view is None else view
    return added_losses(schedule, view, batch, view.encode(batch))


# --- what is added ---------------------------------------------------------------------------


def test_nothing_is_added_without_repairs(make, make_batch):
    assert Schedule().repairs == FineTuning().repairs == {}
    assert added(Schedule(), make(), make_batch(LENGTHS)) is None


def test_conicity_is_added_text_by_text(make, make_batch):
    model, batch = make(), make_batch(LENGTHS)
    states = model.encode(batch).states.detach()
    expected = []
    for b, n in enumerate(LENGTHS):
        vectors = states[b, 1 : 1 + n]  # behind <SOS>
        mean = vectors.sum(0) / n
        cosines = [abs(float(v @ mean / (v.norm() * mean.norm()))) for v in vectors]
        expected.append(0.5 * sum(cosines) / n)
    found = added(Schedule(conicity=0.5), model, batch)
    assert found.tolist() == pytest.approx(expected, rel=1e-12)
    assert found[2].item() == pytest.approx(0.5)  # one word alone points where its mean does


def test_tying_is_the_mean_distance_of_states_to_embeddings(make, make_batch):
    model, batch = make("cnn"), make_batch(LENGTHS)
    states, table = model.encode(batch).states.detach(), model.embedding.weight.detach()
    expected = [
        0.25
        * sum(float((states[b, t] - table[batch.ids[b, t]]).norm()) for t in range(1, n + 1))
        / n
        for b, n in enumerate(LENGTHS)
    ]
    found = added(Schedule(tying=0.25), model, batch)
    assert found.tolist() == pytest.approx(expected, rel=1e-12)


def test_hidden_words_are_guessed_from_their_states(make, make_batch, monkeypatch):
    model, batch = make(), make_batch([3, 7, 1, 5], seed=3)
    drawn = torch.rand(batch.ids.shape, generator=torch.Generator().manual_seed(1))
    drawn[1, 2], drawn[3, 1:4], drawn[2] = 0.01, 0.0, 0.9
    unknown = model.unknown_token
    batch.ids[3, 2] = unknown  # a word that the model does not know cannot be guessed
    monkeypatch.setattr(torch, "rand", lambda *shape, **_: drawn)
    expected = []
    for b, n in enumerate(LENGTHS):
        places = [
            t for t in range(1, 1 + n) if drawn[b, t] < 0.15 and int(batch.ids[b, t]) != unknown
        ]
        hidden = copy.deepcopy(batch)
        hidden.ids[b, places] = unknown
        states = model.encode(hidden).states[b].detach()
        guesses = (states @ model.embedding.weight.detach().T).log_softmax(-1)
        losses = [-float(guesses[t, batch.ids[b, t]]) for t in places]
        expected.append(sum(losses) / len(losses) if losses else 0.0)
    assert expected[2] == 0 < min(expected[1], expected[3])
    found = added(Schedule(masked_words=1), model, batch)
    assert found.tolist() == pytest.approx(expected, rel=1e-5)
    double = added(Schedule(masked_words=2), model, batch)
    torch.testing.assert_close(double, 2 * found)


def test_about_one_word_in_seven_is_hidden(make, make_batch, monkeypatch):
    model, seen = make("average"), []
    own = Batch.replace
    monkeypatch.setattr(Batch, "replace", lambda *a: seen.append(a[1]) or own(*a))
    batch = make_batch([60] * 40)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        added(Schedule(masked_words=1), model, batch)
    (hidden,) = seen
    assert 0.13 < hidden.sum() / batch.content.sum() < 0.17
    assert not (hidden & ~batch.content).any()


def test_repairs_add_up(make, make_batch):
    model, batch = make(), make_batch(LENGTHS)

    def alone(**weight):
        torch.manual_seed(7)
        return added(Schedule(**weight), model, batch)

    with torch.random.fork_rng():
        parts = sum(alone(**{name: weight}) for name, weight in ALL.repairs.items())
        whole = alone(**ALL.repairs)
    torch.testing.assert_close(whole, parts)
    assert list(ALL.repairs) == list(REPAIRS)
    assert ALL.without_repairs() == Schedule()


def test_the_model_within_is_repaired(make, make_instances, vocabulary):
    """Imposed attention changes no state; of shorter texts the shorter ones count."""
    model, schedule = make(dtype=torch.float32), Schedule(conicity=1, tying=1)
    instances = make_instances([12, 7, 20, 15])
    batch = collate(instances, vocabulary, boundaries=True)
    expected = added(schedule, model, batch)
    torch.testing.assert_close(added(schedule, model, batch, Guided(model, uniform)), expected)
    kept = keep(model, Batches(instances, vocabulary, True, CPU))
    removal = removals(kept, instances, "train")["attended"]
    view = Guided(Shortened(model, removal), uniform)
    shorter = added(schedule, model, batch.keep(~removal(batch)[0]))
    torch.testing.assert_close(added(schedule, model, batch, view), shorter)
    assert not torch.allclose(shorter, expected)


# --- training --------------------------------------------------------------------------------


@pytest.fixture
def data(make_instances, vocabulary):
    """Texts of which each class has words of its own."""
    return TrainingData(
        make_instances([6, 4, 9, 7] * 12, seed=1),
        make_instances([5, 8] * 6, seed=2),
        vocabulary,
        2,
        CPU,
    )


def figures(model, data):
    """Conicity and distance to the embeddings, means over train."""
    batch = collate(data.train, data.vocabulary, boundaries=True)
    with torch.no_grad():
        return [
            float(added(Schedule(**{name: 1.0}), model, batch).mean())
            for name in ("conicity", "tying")
        ]


@pytest.mark.parametrize("encoder", ["bilstm", "average", "orthogonal_bilstm"])
@pytest.mark.parametrize("name", ["conicity", "tying"])
def test_training_lowers_what_is_penalised(make, data, name, encoder):
    schedule = Schedule(epochs=6, batch_size=8, learning_rate=0.02, select="accuracy")
    found = {}
    for weight in (0.0, 5.0):
        model = make(encoder, dtype=torch.float32)
        trained = train(model, data, schedule.model_copy(update={name: weight}), Silent())
        model.load_state_dict(trained.weights)  # after the last epoch, whichever is the best
        found[weight] = figures(model, data)[name == "tying"]
    assert found[5.0] < 0.9 * found[0.0]


def test_training_on_hidden_words_makes_them_easier_to_guess(make, data):
    schedule = Schedule(epochs=12, batch_size=8, learning_rate=0.02, select="accuracy")
    losses = []
    for weight in (0.0, 1.0):
        model = make("bilstm", dtype=torch.float32)
        repaired = schedule.model_copy(update={"masked_words": weight})
        model.load_state_dict(train(model, data, repaired, Silent()).weights)
        batch = collate(data.train, data.vocabulary, boundaries=True)
        with torch.random.fork_rng(), torch.no_grad():
            torch.manual_seed(0)
            losses.append(float(added(Schedule(masked_words=1), model.eval(), batch).mean()))
    assert losses[1] < 0.95 * losses[0]


def test_an_interrupted_training_hides_the_same_words(make, data, tmp_path):
    schedule = Schedule(epochs=3, batch_size=8, learning_rate=0.02, masked_words=1, conicity=1)
    whole = make("bilstm", dtype=torch.float32)
    train(whole, data, schedule, Silent())
    state, first = tmp_path / "state", make("bilstm", dtype=torch.float32)
    stop = iter([False, True])
    train(first, data, schedule, Silent(), state_file=state, stopped=lambda: next(stop))
    again = make("bilstm", dtype=torch.float32)
    train(again, data, schedule, Silent(), state_file=state, resume=True)
    for name, weight in whole.state_dict().items():
        assert torch.equal(weight, again.state_dict()[name])


def test_whatever_the_recipe_trains_is_repaired_and_probes_are_not(make_retraining, monkeypatch):
    used = []

    def spy(schedule, *rest):
        used.append(tuple(schedule.repairs))
        return added_losses(schedule, *rest)

    monkeypatch.setattr(training, "added_losses", spy)
    monkeypatch.setattr(imitation, "added_losses", spy)
    retraining = make_retraining(
        schedule=Schedule(epochs=1, batch_size=16, learning_rate=0.01, conicity=1.0)
    )
    fresh, quiet = retraining.fresh, Silent()
    view = lambda model, split: Guided(model, uniform)  # noqa: E731
    for trained in (
        lambda: retraining.learn(fresh(3), 3, quiet, "seed"),
        lambda: retraining.converge(fresh(3), 3, quiet, "uniform", view),
        lambda: retraining.learn_permuted(fresh(3), 3, quiet, "permuted"),
        lambda: retraining.imitate(fresh(3), 3, 0.1, 1, 1, quiet, "adversary"),
    ):
        used.clear()
        trained()
        assert set(used) == {("conicity",)}
    used.clear()
    retraining.learn(retraining.probe(3), 3, quiet, "probe", schedule=retraining.probe_schedule)
    assert set(used) == {()}


def test_the_size_of_a_state_is_known_from_the_recipe(make_model):
    for encoder in ENCODERS:
        model = make_model(encoder)
        assert model.recipe.state_size == model.encoder.width


# --- what does not go ------------------------------------------------------------------------


def test_tying_needs_states_as_wide_as_embeddings(make, make_batch):
    for name in ("tying", "masked_words"):
        with pytest.raises(InputError, match="a state has 12 numbers and an embedding 8; choose"):
            check_repairs(Schedule(**{name: 1.0}), make(hidden=6), make_batch(LENGTHS))
        check_repairs(Schedule(**{name: 1.0}), make(), make_batch(LENGTHS))


def test_models_that_show_too_little_are_refused(make, make_batch, data):
    model, batch = make(), make_batch(LENGTHS)
    model.values = model.states = None  # type: ignore[method-assign, assignment]
    check_repairs(Schedule(), model, batch)
    with pytest.raises(
        InputError, match=r"conicity does not fit the model: .* does not show the v"
    ):
        check_repairs(Schedule(conicity=1), model, batch)
    with pytest.raises(InputError, match=r"tying does not fit the model: .* does not show a state"):
        Labels(model, data, Schedule(tying=1))
    model = make()
    model.unknown_token = None
    with pytest.raises(InputError, match=r"masked_words .* has no token that could stand"):
        check_repairs(ALL, model, batch)


def test_encoder_decoders_have_no_states_of_words():
    assert EncoderDecoder.states is EncoderDecoder.word_vectors is None


def test_every_repair_is_a_setting():
    assert set(REPAIRS) <= Schedule.model_fields.keys()
    assert repairs.HIDDEN == 0.15
