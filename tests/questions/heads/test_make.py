from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from attnaudit.calibration import texts
from attnaudit.calibration.written import COPY_HEAD, IDLE_HEAD
from attnaudit.errors import InputError
from attnaudit.execution.observer import Silent
from attnaudit.models.lengths import Texts
from attnaudit.models.predict import Batches
from attnaudit.questions.heads import QUESTION
from attnaudit.questions.heads.choice import GREEDY
from attnaudit.questions.heads.cost import cost
from attnaudit.questions.heads.make import records, settle
from attnaudit.questions.heads.settings import Chosen, HeadsSettings
from attnaudit.records.fields import check


def audited(made):
    return [record for record in made if "run" not in record]


def written(kind, count=40):
    sizes = {"train": 2, "dev": count, "test": count}
    splits = texts.splits(texts.proven, ("bad", "good"), (0.5, 0.5), sizes, 0, 0.0)
    model = kind(0).eval().requires_grad_(False)
    dev, test = (
        Batches(splits[name].instances, texts.VOCABULARY, model.boundaries, torch.device("cpu"))
        for name in ("dev", "test")
    )
    return model, dev, test


def test_without_the_head_that_copies_nothing_is_left(make_of):
    model, dev, test = written(COPY_HEAD)
    made, settings = make_of(model, test, dev)
    assert settings.chosen.orders["gradient"] == (0,)
    for record in audited(made):
        assert record["predicted"] == record["gold"]
    hidden = [record["knockout"] for record in audited(made)]
    top, other = (np.mean([one[name]["tvd"] for one in hidden]) for name in ("top", "random"))
    assert top > 5 * other  # the top word is the proof
    without = [record["ablated"]["predicted"][0][0] for record in audited(made)]
    assert len(set(without)) == 1  # nothing says which class a text is of
    others = [record for record in audited(made) if record["gold"] not in without]
    assert len(others) == 20
    for record in others:
        assert record["ablated"]["tvd"][0][0] > 0.4
        assert record["pruned"]["gradient"]["predicted"][1] in without


def test_the_idle_head_costs_nothing_and_goes_first(make_of):
    model, dev, test = written(IDLE_HEAD)
    made, settings = make_of(model, test, dev)
    for record in audited(made):
        (copying,), (idle,) = record["ablated"]["tvd"]
        assert idle < 0.01 < 0.3 < copying
        assert record["importance"]["paper"][1][0] < 0.05 * record["importance"]["paper"][0][0]
        assert record["ablated"]["predicted"][1][0] == record["predicted"]
    for name in ("gradient", "gradient_code", GREEDY):
        assert settings.chosen.orders[name] == (1, 0)
        curve = [record["pruned"][name]["predicted"] for record in audited(made)]
        right = [[c == r["gold"] for c in p] for p, r in zip(curve, audited(made), strict=True)]
        assert np.mean(right, 0).tolist()[:2] == [1.0, 1.0]
        assert np.mean(right, 0)[2] < 0.8


def test_records_are_what_they_must_be_and_do_not_depend_on_the_batch(small, make_of):
    model, batches = small(budget=4096)
    made, _ = make_of(model, batches, batches, words=("w3",))
    apart, _ = make_of(model, small(budget=1)[1], small(budget=1)[1], words=("w3",))
    assert len(made) == len(apart) == 6 * (1 + 5 + 1)
    for one, other in zip(made, apart, strict=True):
        check(one, QUESTION.kind, None, None)
        assert_alike(one, other)


def assert_alike(one, other):
    assert type(one) is type(other)
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            assert_alike(one[key], other[key])
    elif isinstance(one, list):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            assert_alike(a, b)
    elif isinstance(one, float):
        assert one == pytest.approx(other, abs=1e-6)
    else:
        assert one == other


def test_importances_are_those_of_central_differences(small, make_of):
    """|d loss / d factor| of the whole head, and summed over positions one by one."""
    model, batches = small(3)
    made, _ = make_of(model, batches)
    step = 1e-5
    for record in made:
        (batch,) = batches
        b = batch.rows.tolist().index(record["row"])
        one = batch.select(torch.tensor([b]))
        n = one.ids.shape[1]
        assert record["positions"] == n

        def loss(factors, one=one):
            said = model.scale_heads(one, factors).log_softmax(-1)
            return -float(said[0, one.labels[0]])

        for layer, head in itertools.product(range(2), range(3)):
            slopes = []
            for t in range(n):
                ends = []
                for sign in (1, -1):
                    factors = torch.ones(1, 2, 3, n, dtype=torch.float64)
                    factors[0, layer, head, t] += sign * step
                    ends.append(loss(factors))
                slopes.append((ends[0] - ends[1]) / (2 * step))
            paper = record["importance"]["paper"][layer][head]
            code = record["importance"]["code"][layer][head]
            assert paper == pytest.approx(abs(sum(slopes)), abs=1e-6)
            assert code == pytest.approx(np.abs(slopes).sum(), abs=1e-6)
            assert code >= paper - 1e-9


def test_a_head_without_its_slice_of_the_projection_has_no_importance(small, make_of):
    model, batches = small(3)
    model.network.bert.encoder.layer[1].attention.output.dense.weight[:, 4:8] = 0
    made, _ = make_of(model, batches)
    for record in made:
        assert record["importance"]["code"][1][1] == record["ablated"]["tvd"][1][1] == 0
        assert record["importance"]["paper"][1][0] > 0


def test_the_greedy_order_is_that_of_brute_force(small, make_of):
    """The loss of every set of heads, from a network whose projection lacks their slices."""
    model, batches = small(6)
    _, settings = make_of(model, batches, batches)
    (batch,) = batches

    def loss(removed):
        cut = {}
        for head in removed:
            weight = model.network.bert.encoder.layer[head // 3].attention.output.dense.weight
            cut.setdefault(head // 3, weight.clone())
            weight[:, head % 3 * 4 : head % 3 * 4 + 4] = 0
        said = torch.nn.functional.cross_entropy(model(batch), batch.labels)
        for layer, weight in cut.items():
            model.network.bert.encoder.layer[layer].attention.output.dense.weight.copy_(weight)
        return float(said)

    removed = []
    while len(removed) < 6:
        left = [head for head in range(6) if head not in removed]
        removed.append(min(left, key=lambda head: loss([*removed, head])))
    assert settings.chosen.orders[GREEDY] == tuple(removed)
    assert GREEDY not in make_of(model, batches, batches, greedy_heads=5)[1].chosen.orders


def test_curves_are_answers_without_the_heads_of_their_order(small, make_of):
    model, batches = small(4)
    made, settings = make_of(model, batches, batches, steps=3, random_orders=2)
    (batch,) = batches
    own = model(batch).softmax(-1)
    assert set(settings.chosen.orders) == {
        *("gradient", "gradient_code", "greedy", "random0", "random1")
    }
    for name, order in settings.chosen.orders.items():
        for point, count in enumerate((0, 2, 4, 6)):
            factors = torch.ones(6, dtype=torch.float64)
            factors[list(order[:count])] = 0
            said = model.scale_heads(batch, factors.view(1, 2, 3, 1)).softmax(-1)
            for b, row in enumerate(batch.rows.tolist()):
                curve = audited(made)[row]["pruned"][name]
                assert len(curve["tvd"]) == 4
                far = float((said[b] - own[b]).abs().sum() / 2)
                assert curve["tvd"][point] == pytest.approx(far, abs=1e-6)
                assert curve["predicted"][point] == int(said[b].argmax())


def test_patterns_are_those_of_the_weights(small, make_of):
    model, batches = small(4)
    made, _ = make_of(model, batches)
    for batch in batches:
        layers = model.trace(batch)
        for b, row in enumerate(batch.rows.tolist()):
            n = int(batch.mask[b].sum())
            words = range(1, n - 1)  # between [CLS] and [SEP]
            for k, h in itertools.product(range(2), range(3)):
                alpha = layers[k].alpha[b, h, :n, :n].numpy()
                rows = [alpha[i] for i in words]
                expected = {
                    "confidence": np.mean([row[1 : n - 1].max() for row in rows]),
                    "entropy": np.mean([-(row * np.log(row)).sum() for row in rows]) / np.log(n),
                    "special": np.mean([row[0] + row[n - 1] for row in rows]),
                    "first": np.mean([row[0] for row in rows]),
                }
                for name, value in expected.items():
                    found = made[row]["patterns"][name][k][h]
                    assert found == pytest.approx(value, abs=1e-6)


def test_states_are_identified_by_their_nearest_input(small, make_of):
    model, batches = small(5)
    made, _ = make_of(model, batches)
    for batch in batches:
        states = [state.detach().numpy() for state in model.layer_states(batch)]
        for b, row in enumerate(batch.rows.tolist()):
            n = int(batch.mask[b].sum())
            inputs = states[0][b, :n]
            for depth, state in enumerate(states):
                hits = {"cosine": [], "l2": []}
                for i in range(1, n - 1):
                    e = state[b, i]
                    angles = [1 - e @ x / np.linalg.norm(e) / np.linalg.norm(x) for x in inputs]
                    hits["cosine"].append(np.argmin(angles) == i)
                    hits["l2"].append(np.argmin([((e - x) ** 2).sum() for x in inputs]) == i)
                for name, found in hits.items():
                    assert made[row]["depth"][name][depth] == pytest.approx(np.mean(found))
    assert all(record["depth"]["l2"][0] == 1 for record in made)


def test_inputs_that_are_the_same_count_as_parts(small, make_of):
    """Without positions the word that is said twice has one input in two places."""
    model, batches = small(3)
    model.network.bert.embeddings.position_embeddings.weight.zero_()
    made, _ = make_of(model, batches)
    for record, instance in zip(made, batches.instances, strict=True):
        tokens = list(instance.tokens)
        expected = np.mean([1 / tokens.count(token) for token in tokens])
        assert record["depth"]["cosine"][0] == pytest.approx(expected)
        assert record["depth"]["l2"][0] == pytest.approx(expected)


def test_the_own_contribution_is_that_of_whole_jacobians(small, make_of):
    model, batches = small(3)
    made, _ = make_of(model, batches, draws=600)
    (batch,) = batches
    for b, row in enumerate(batch.rows.tolist()):
        states = model.layer_states(batch)
        n, own = int(batch.mask[b].sum()), made[row]["depth"]["own"]
        place = own["position"]
        assert 1 <= place <= n - 2
        assert own["jacobian"][0] == own["proxy"][0] == 1.0
        for depth in (1, 2):
            state = states[depth][b, place]
            slopes = [
                torch.autograd.grad(number, states[0], retain_graph=True)[0][b, :n]
                for number in state
            ]
            jacobians = torch.stack(slopes)  # (M, n, M)
            norms = jacobians.norm(dim=(0, 2))
            exact = float(norms[place] / norms.sum())
            assert own["jacobian"][depth] == pytest.approx(exact, rel=0.1)
            summed = jacobians.sum(0).norm(dim=1)
            proxy = float(summed[place] / summed.sum())
            assert own["proxy"][depth] == pytest.approx(proxy, abs=1e-6)
            gap = norms.sort(descending=True).values
            if gap[0] > 1.1 * gap[1]:
                assert own["largest"][depth] == bool(norms[place] == gap[0])
    assert all(r["depth"]["own"] is None for r in make_of(model, batches, draws=0)[0])


def test_knocked_out_positions_are_those_that_the_mask_of_the_model_hides(small, make_of):
    model, batches = small(6)
    wanted = batches.instances[0].tokens[1]
    made, _ = make_of(model, batches, words=(wanted.upper(), "never"))
    (batch,) = batches
    alpha = model.attend(model.encode(batch)).mean(1)
    seen = set()
    for b, row in enumerate(batch.rows.tolist()):
        one = batch.select(torch.tensor([b]))
        n, tokens = one.ids.shape[1], batches.instances[row].tokens
        top = 1 + int(alpha[b, 1 : n - 1].argmax())
        places = {
            "special": [0, n - 1],
            "first": [0],
            "top": [top],
            "words": [1 + k for k, token in enumerate(tokens) if token == wanted],
        }
        own = model(one).softmax(-1)

        def far(hidden, one=one, own=own):
            mask = one.mask.clone()
            mask[0, hidden] = False
            inputs = {"input_ids": one.ids, "attention_mask": mask.long()}
            said = model.network(**inputs).logits.softmax(-1)
            return float((said - own).abs().sum() / 2)

        found = made[row]["knockout"]
        for name, hidden in places.items():
            if hidden:
                assert found[name]["tvd"] == pytest.approx(far(hidden), abs=1e-6)
            else:
                assert found[name] is None
        others = [far([t]) for t in range(1, n - 1) if t != top]
        assert min(abs(found["random"]["tvd"] - other) for other in others) < 1e-6
        seen.add(found["words"] is None)
    assert seen == {True, False}  # not all texts hold the word


def test_models_of_one_attention_are_refused(model):
    with pytest.raises(InputError, match="this audit is for transformers") as raised:
        settle(HeadsSettings(), model)
    assert "Hugging Face" in (raised.value.hint or "")


def test_a_head_that_a_reading_names_must_be_there(small):
    with pytest.raises(InputError, match="no head 3"):
        settle(HeadsSettings(reading="head3"), small()[0])
    settled = settle(HeadsSettings(reading="head2"), small()[0])
    assert settle(settled, small()[0]) == settled


class Counted:
    """A model that counts how many texts it is sent, and gradients."""

    def __init__(self, model):
        self.forward, self.plain = 0, model.network.forward
        model.network.forward = self

    def __call__(self, *args, **kwargs):
        ids = kwargs.get("input_ids")
        self.forward += 0 if ids is None else len(ids)
        return self.plain(*args, **kwargs)


@pytest.mark.parametrize("stage", ["importance", "greedy", "audit"])
def test_it_costs_what_it_says(small, stage, monkeypatch):
    model, batches = small(6)
    orders = {"gradient": (0, 1, 2, 3, 4, 5), "random0": (5, 4, 3, 2, 1, 0)}
    chosen = Chosen(stage=stage, removed=(2, 4), orders=orders)
    settings = HeadsSettings(chosen=chosen, draws=3, steps=2, words=("w1",))
    counted, slopes, plain = Counted(model), [], torch.autograd.grad

    def grad(*args, **kwargs):
        slopes.append(len(batches.instances))
        return plain(*args, **kwargs)

    monkeypatch.setattr(torch.autograd, "grad", grad)
    assert len(batches) == 1
    list(records(model, batches, settings, Silent()))
    said = cost(model, Texts.of(batches), settings)
    assert counted.forward == said.forward
    assert sum(slopes) == said.backward
    assert said.exact == (stage != "audit")
