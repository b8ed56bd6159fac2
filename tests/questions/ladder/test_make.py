from __future__ import annotations

import pytest
import torch

from attnaudit.errors import InputError, ModelError
from attnaudit.execution.observer import Silent
from attnaudit.models.interface import Keys
from attnaudit.models.lengths import Texts
from attnaudit.questions.instance_adversary.make import records as instance_records
from attnaudit.questions.instance_adversary.settings import InstanceSettings
from attnaudit.questions.ladder import QUESTION
from attnaudit.questions.ladder.cost import DRAWN, HALVINGS, RETURNS, cost
from attnaudit.questions.ladder.make import settle
from attnaudit.questions.ladder.make.radius import spacing
from attnaudit.questions.ladder.settings import LadderSettings
from attnaudit.records.fields import check

SEARCHED = ("query", "state", "word_embeddings")


def searched(record):
    return {name: record[name] for name in SEARCHED if record[name]}


@pytest.fixture
def of_bert(bert, made_of):
    return made_of(*bert((1, 2, 5)), steps=10)


def test_records_of_a_bert_are_what_they_must_be(of_bert):
    for record in of_bert:
        check(record, QUESTION.kind, None, None)
        assert record["parameters"] is None
        assert searched(record).keys() == set(SEARCHED)
    one_word, *others = of_bert
    assert not any(rung["found"] for rung in searched(one_word).values())  # nothing else to show
    assert all(rung["found"] for record in others for rung in searched(record).values())


@pytest.mark.parametrize("epsilon", [0.01, 0.0005])
def test_answers_stay_and_no_query_exceeds_the_weights(bert, classic, made_of, epsilon):
    for model, batches in (bert((5,)), classic("additive", (2, 9)), classic("dot", (2, 9))):
        for record in made_of(model, batches, epsilon=epsilon, steps=12):
            rungs = {**searched(record), "weights": record["weights"]}
            assert all(rung["tvd"] <= epsilon + 1e-8 for rung in rungs.values())
            assert record["query"]["jsd"] <= record["weights"]["upper"] + 1e-9
            if record["weights"]["bound"] != "exact":
                assert record["query"]["jsd"] <= record["weights"]["jsd"]
            assert all(rung["jsd"] <= record["cap"] for rung in rungs.values())


def test_the_weights_of_a_classic_model_are_the_exact_maximum(classic, made_of):
    model, batches = classic()
    settings = InstanceSettings()
    plain = [r for part in instance_records(model, batches, settings, Silent()) for r in part]
    exact = {record["row"]: record["adversary"][0] for record in plain}
    for record in made_of(model, batches):
        assert record["weights"]["bound"] == "exact"
        assert record["weights"]["jsd"] == pytest.approx(exact[record["row"]]["jsd"], abs=1e-8)
        assert record["weights"]["upper"] == record["weights"]["jsd"]
        assert record["state"] is None  # there is no row with a state
        assert record["radii"]["state"] is None


def test_uniform_attention_has_no_query(classic, made_of):
    for record in made_of(*classic("uniform", (2, 5))):
        assert record["query"] is None
        assert not record["word_embeddings"]["found"]  # nothing moves it


def test_a_larger_ball_holds_more_and_none_holds_nothing(bert, classic, made_of):
    for (model, batches), names in (
        (bert((6,)), ("state", "word_embeddings")),
        (classic("additive", (6,)), ("word_embeddings",)),
    ):
        # Answers may move as they like, so that the ball alone bounds the way.
        made = [
            made_of(model, batches, radius=r, epsilon=0.9, steps=8)[0] for r in (0, 0.05, 0.2, 0.8)
        ]
        for name in names:
            found = [record[name]["jsd"] for record in made]
            assert found[0] == 0
            assert not made[0][name]["found"]
            assert 0 < found[1] < found[2] < found[3]
        assert len({record["query"]["jsd"] for record in made}) == 1


def test_balls_are_kept_and_special_tokens_stay(bert, made_of):
    model, batches = bert((4,))
    (batch,) = batches
    own = model.embed(batch)
    far, encode = [], model.encode

    def spy(batch, embeddings=None):
        if embeddings is not None:
            far.append((embeddings - own).norm(dim=-1).detach())  # (S, T)
        return encode(batch, embeddings)

    model.encode = spy
    (record,) = made_of(model, batches, steps=4)
    far = torch.cat([one for one in far if one.shape[1] == 6])
    radius = 0.1 * spacing(model.embedding_table())
    assert record["radii"]["words"] == pytest.approx(radius, rel=1e-6)
    assert float(far.max()) == pytest.approx(radius, rel=1e-6)
    assert float(far[:, [0, 5]].max()) == 0  # [CLS] and [SEP]


def test_the_state_moves_by_the_share_of_its_length(bert, made_of):
    model, batches = bert((4,))
    (batch,) = batches
    states = model.begun(batch)
    far, encode = [], model.encode_begun

    def spy(batch, moved):
        far.append((moved - states).norm(dim=-1).detach())
        return encode(batch, moved)

    model.encode_begun = spy
    (record,) = made_of(model, batches, steps=12, epsilon=0.9)
    assert record["radii"]["state"] == pytest.approx(0.1 * float(states[0, 0].norm()), rel=1e-6)
    assert float(torch.cat(far)[:, 0].max()) == pytest.approx(record["radii"]["state"], rel=1e-6)
    assert float(torch.cat(far)[:, 1:].max()) == 0


def test_a_text_is_the_same_in_every_batch_and_depends_on_the_seed(bert, classic, made_of):
    for make in (bert, classic):
        asked = {"steps": 3}
        texts = {"lengths": (2, 5)}
        whole = made_of(*make(**texts), **asked)
        assert made_of(*make(**texts, budget=1), **asked) == whole
        other = made_of(*make(**texts), seed=1, **asked)
        assert other[-1]["query"] != whole[-1]["query"]
        assert other[-1]["weights"]["upper"] == whole[-1]["weights"]["upper"]


def test_a_query_that_does_not_give_the_attention_is_refused(classic, made_of):
    model, batches = classic()
    model.keys = lambda encoded: Keys(
        torch.ones(len(encoded.content), 1, encoded.content.shape[1], 2).double(),
        torch.ones(len(encoded.content), 1, 2).double(),
    )
    with pytest.raises(ModelError, match="do not give its attention"):
        made_of(model, batches)


def test_half_precision_is_refused(classic):
    with pytest.raises(InputError, match="half precision"):
        settle(LadderSettings(), classic()[0].bfloat16())


def test_a_model_without_a_table_has_no_balls(classic, made_of):
    model, batches = classic(lengths=(3,))
    model.embedding_table = lambda: None
    (record,) = made_of(model, batches)
    assert record["radii"] == {"words": None, "state": None}
    assert record["word_embeddings"] is None
    assert record["query"]["found"]


@pytest.mark.parametrize("make", ["bert", "classic"])
def test_the_cost_is_what_a_search_takes(request, made_of, make):
    model, batches = request.getfixturevalue(make)(lengths=(4, 6))
    settings = LadderSettings(starts=2, steps=5)
    said = cost(model, Texts.of(batches), settings)
    looks = 2 * (2 * 5 + 2 * (DRAWN + HALVINGS + RETURNS + 1) + 1)
    rungs = 3 if make == "bert" else 2
    assert said.backward == 2 * (2 * 2 * 5 + 2 * RETURNS) * rungs
    assert said.forward == 4 + looks + (2 if make == "bert" else 0)
    assert (said.answers is None) == (make == "bert")
    assert not said.exact
    texts, encode = 0, model.encode

    def count(batch, embeddings=None):
        nonlocal texts
        texts += len(batch)
        return encode(batch, embeddings)

    model.encode = count
    made_of(model, batches, starts=2, steps=5)
    assert texts <= 4 + looks
    assert texts >= 4 + looks - 2
