from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.stats import kendalltau

from attnaudit.importance import IMPORTANCES, integrated_gradients
from attnaudit.importance.compute import importances
from attnaudit.importance.importance import Request
from attnaudit.importance.integrated_gradients import MOST, NOT_FINITE, TOLERANCE, UNSETTLED
from attnaudit.importance.panels import integrate
from attnaudit.importance.path_passes import SMALL, without_words
from attnaudit.importance.path_passes import Path as PathOfGradients
from attnaudit.importance.path_passes import integrated_gradients as integrals_of
from attnaudit.models.lengths import Texts
from attnaudit.models.transformer.loading import load_classifier
from attnaudit.models.transformer.opening import open_reference
from attnaudit.models.transformer.reference import Reference

ENCODERS = ("bilstm", "cnn", "average")
LENGTHS = (5, 2, 7, 5, 3)
NAMES = ("integrated_gradients", "integrated_gradients_unknown", "integrated_gradients_mask")
SHARED = Path(__file__).parents[3] / "shared"
UNKNOWN = 1


def integrated(model, batch, target, token=None, *, tolerance=TOLERANCE, most=MOST):
    return integrals_of(model, batch, target, token, tolerance=tolerance, most=most)


def steep(linear, factor=40):
    """The weights of `linear` many times over: p goes from one end to the other within little."""
    linear.weight.mul_(factor)
    return linear


def sigmoid(x):
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-x))


def exact_shares(model, batch, token=None):
    """Along the path p = sigmoid(b + z0 + s z): word t gets z_t / z of the whole change."""
    content = batch.content.numpy()
    begin = 0 if token is None else model.embedding.weight[token]
    each = ((model.embed(batch) - begin) @ model.weight).numpy() * content
    each /= content.sum(1, keepdims=True)
    z = each.sum(1, keepdims=True)
    z0 = 0.3 + (0 if token is None else float(begin @ model.weight))
    up = sigmoid(z0 + z) - sigmoid(z0)
    down = sigmoid(-z0) - sigmoid(-z0 - z)  # the same, exact where both are all but 1
    change = np.where(z0 > 0, down, up)
    return batch.per_word(torch.tensor(each / z * change)).numpy()


@pytest.mark.parametrize("factor", [1, 40, 1000])
@pytest.mark.parametrize("token", [None, UNKNOWN, 9])
def test_a_linear_model_in_closed_form(linear, instances, batch_of, token, factor):
    model, batch = steep(linear, factor), batch_of(instances(LENGTHS, pieces=True))
    found = integrated(model, batch, torch.ones(len(batch), dtype=torch.int64), token)
    exact = exact_shares(model, batch, token)
    largest = np.abs(exact).max(1)
    off = np.abs(found.signed - exact).max(1)
    assert found.settled.all()
    assert (off <= 1.01 * TOLERANCE * largest).all()
    assert (off <= found.error * largest + 1e-12).all()  # as estimated or less
    assert (found.gap <= found.error * largest + 1e-12).all()


def test_twelve_nodes_are_wrong_where_panels_are_right(linear, instances, batch_of):
    model, batch = steep(linear, 400), batch_of(instances(LENGTHS))
    target = torch.ones(len(batch), dtype=torch.int64)
    path = PathOfGradients(model, batch, target, without_words(model, batch))
    nodes, weights = np.polynomial.legendre.leggauss(12)
    twelve = sum(
        w / 2 * path.look(np.arange(len(batch)), np.full(len(batch), (x + 1) / 2)).terms
        for x, w in zip(nodes, weights, strict=True)
    )
    exact = exact_shares(model, batch)
    largest = np.abs(exact).max(1)
    assert (np.abs(twelve - exact).max(1) / largest).max() > 0.1
    right = integrated(model, batch, target).signed
    assert (np.abs(right - exact).max(1) / largest).max() < TOLERANCE


def test_the_path_begins_at_zero_words_between_the_specials(linear, instances, batch_of):
    batch = batch_of(instances(LENGTHS))
    integrated(linear, batch, batch.labels)
    (ends,) = linear.inputs[:1]  # the shortest text, at all places
    embedded = linear.embed(batch)[1, : ends.shape[1]]
    assert any(torch.equal(seen, embedded) for seen in ends)
    zero = embedded * ~batch.content[1, : ends.shape[1]].unsqueeze(-1)
    assert zero.abs().sum() > 0  # <SOS> and <EOS> stay
    assert any(torch.equal(seen, zero) for seen in ends)


def test_a_token_stands_in_the_place_of_every_word(linear, instances, batch_of):
    batch = batch_of(instances(LENGTHS, pieces=True))
    other = batch.replace(batch.content, 7)
    assert torch.equal(without_words(linear, batch, 7), linear.embed(other))
    assert (other.ids != batch.ids).sum() > 10


@pytest.mark.parametrize("token", [None, UNKNOWN])
@pytest.mark.parametrize("paired", [False, True])
@pytest.mark.parametrize("encoder", ENCODERS)
def test_scores_add_up_to_the_change_of_the_answer(
    classic, instances, batch_of, encoder, paired, token
):
    classes = 3 if paired else 2
    model = classic(encoder, paired=paired, classes=classes)
    batch = batch_of(instances(LENGTHS, paired=paired, classes=classes))
    found = integrated(model, batch, batch.labels, token)
    start = without_words(model, batch, token)
    alpha = model.attend(model.encode(batch, start))
    before = model.read(model.encode(batch, start), alpha.unsqueeze(1)).squeeze(1).softmax(-1)
    change = (model(batch).softmax(-1) - before).gather(1, batch.labels.unsqueeze(1)).squeeze(1)
    gap = np.abs(found.signed.sum(1) - change.numpy())
    np.testing.assert_allclose(gap, found.gap, atol=1e-12)
    assert (gap <= TOLERANCE * np.abs(found.signed).max(1)).all()
    assert found.settled.all()


def test_each_word_is_what_scipy_integrates(classic, instances, batch_of):
    """The derivative of p along the path, by finite differences of one word's embedding."""
    model, batch = classic("bilstm"), batch_of(instances((4,)))
    target, step = batch.labels, 1e-5
    whole, start = model.embed(batch), without_words(model, batch)

    def p(embeddings):
        encoded = model.encode(batch, embeddings)
        alpha = model.attend(encoded).unsqueeze(1)
        return float(model.read(encoded, alpha).squeeze(1).softmax(-1)[0, target[0]])

    def term(s, word):
        point, mine = start + s * (whole - start), (batch.words == word).unsqueeze(-1)
        way = step * mine * (whole - start)
        return (p(point + way) - p(point - way)) / (2 * step)

    exact = [quad(term, 0, 1, args=(word,), epsabs=1e-7)[0] for word in range(4)]
    found = integrated(model, batch, target, tolerance=1e-6)
    np.testing.assert_allclose(found.signed[0], exact, atol=1e-6)


def test_captum_agrees_at_many_nodes_and_not_at_twelve(linear, instances, batch_of):
    captum = pytest.importorskip("captum.attr", exc_type=ImportError)
    model, batch = steep(linear, 400), batch_of(instances(LENGTHS))
    start, target = without_words(model, batch), torch.ones(len(LENGTHS), dtype=torch.int64)

    def answer(embeddings, rows):
        encoded = model.encode(batch.select(rows), embeddings)
        alpha = model.attend(encoded).unsqueeze(1)
        return model.read(encoded, alpha).squeeze(1).softmax(-1)

    def theirs(steps):
        given = captum.IntegratedGradients(answer).attribute(
            *(model.embed(batch), start, target), (torch.arange(len(batch)),), n_steps=steps
        )
        return batch.per_word(given.sum(-1)).detach().numpy()

    ours = integrated(model, batch, target)
    largest = np.abs(ours.signed).max(1, keepdims=True)
    assert (np.abs(ours.signed - theirs(800)) <= 1.5 * TOLERANCE * largest).all()
    assert (np.abs(ours.signed - theirs(12)) > 0.1 * largest).any()
    assert ours.gradients.max() < 400


def test_a_model_that_is_sure_of_itself_is_measured_all_the_same(linear, instances, batch_of):
    """p is 1 in float32 along most of the path, and its own gradient nothing but rounding."""
    model = steep(linear, 200)
    model.bias = 25.0
    batch = batch_of(instances((6, 6, 6, 6)))
    target = torch.ones(len(batch), dtype=torch.int64)
    exact = integrated(model, batch, target, tolerance=1e-6)
    model.embedding.float()
    model.weight = model.weight.float()
    found = integrated(model, batch, target)
    assert found.settled.all()
    largest = np.abs(exact.signed).max(1)
    assert largest.min() < 1e-8
    assert (np.abs(found.signed - exact.signed).max(1) < 1.5 * TOLERANCE * largest).all()


@pytest.mark.parametrize("name", ["float32", "float64", "bfloat16"])
def test_gradients_that_are_all_but_zero_end(linear, instances, batch_of, name):
    dtype = getattr(torch, name)
    linear.embedding.to(dtype)
    linear.weight = (1e-7 * linear.weight).to(dtype)
    batch = batch_of(instances(LENGTHS))
    found = integrated(linear, batch, torch.ones(len(batch), dtype=torch.int64))
    assert found.settled.all()
    assert found.gradients.tolist() == [9] * len(batch)


@pytest.mark.parametrize("encoder", ENCODERS)
def test_neighbours_and_padding_decide_nothing(classic, instances, batch_of, encoder):
    model, some = classic(encoder, dtype=torch.float32), instances((4, 19, 7, 4, 30, 2, 7))
    for weight in model.output.parameters():
        weight.mul_(8)  # so that texts need more than two panels
    batch = batch_of(some)
    target = model(batch).argmax(1)
    together = integrated(model, batch, target)
    assert len(set(together.gradients.tolist())) > 2
    for row, instance in enumerate(some):
        alone = integrated(model, batch_of([instance]), target[row : row + 1])
        words = alone.signed.shape[1]
        assert alone.gradients[0] == together.gradients[row]
        np.testing.assert_allclose(alone.signed[0], together.signed[row, :words], atol=1e-5)
        assert (together.signed[row, words:] == 0).all()


def test_no_call_is_larger_than_the_batch(classic, instances, batch_of):
    model = classic("bilstm", paired=True)
    batch = batch_of(instances((40, 70, 190), paired=True))
    assert batch.ids.numel() > SMALL / 2
    sizes, encode = [], model.encode

    def spy(part, embeddings=None):
        sizes.append(part.ids.numel() + part.query_ids.numel())
        return encode(part, embeddings)

    model.encode = spy
    found = integrated(model, batch, batch.labels)
    assert max(sizes) <= max(SMALL, batch.ids.numel() + batch.query_ids.numel())
    assert len(sizes) < found.gradients.sum()


def asked(model, batch, names):
    probs = model(batch).softmax(-1)
    alpha = batch.per_word(model.attend(model.encode(batch)).mean(1))
    ids = [str(k) for k in range(len(batch))]
    return importances(Request(model, batch, alpha, probs, probs.argmax(1), ids, 0, 1000, names))


def test_each_baseline_is_an_importance_of_its_own(classic, instances, batch_of):
    model, batch = classic("bilstm"), batch_of(instances(LENGTHS))
    model.mask_token = 9
    found = asked(model, batch, NAMES)
    target = model(batch).argmax(1)
    for name, token in zip(NAMES, (None, UNKNOWN, 9), strict=True):
        expected = integrated(model, batch, target, token)
        np.testing.assert_allclose(found.scores[name], np.abs(expected.signed), rtol=1e-6)
        for one, gradients, gap in zip(
            found.integrals[name], expected.gradients, expected.gap, strict=True
        ):
            assert (one.gradients, one.tolerance, one.reason) == (gradients, TOLERANCE, None)
            assert one.completeness_error == pytest.approx(gap, rel=1e-8)
            assert 0 <= one.error <= TOLERANCE
    assert not np.allclose(found.scores[NAMES[0]], found.scores[NAMES[1]], rtol=0.1)
    assert list(found.told(0)["integration"]) == list(NAMES)
    assert set(found.told(0)["integration"][NAMES[0]]) == {
        *("gradients", "tolerance", "error", "completeness_error")
    }


def test_at_the_cap_a_text_is_undefined_and_says_why(linear, instances, batch_of, monkeypatch):
    monkeypatch.setattr(integrated_gradients, "MOST", 12)
    model, batch = steep(linear), batch_of(instances(LENGTHS))
    found = asked(model, batch, NAMES[:1])
    scores, told = found.scores[NAMES[0]], found.integrals[NAMES[0]]
    assert any(one.reason for one in told)
    for row, (one, words) in enumerate(zip(told, LENGTHS, strict=True)):
        assert np.isnan(scores[row, :words]).all() == (one.reason is not None)
        assert (scores[row, words:] == 0).all()
        assert one.reason in (None, UNSETTLED)
        assert one.gradients == 9
        assert (one.error > TOLERANCE) == (one.reason is not None)


def test_what_is_not_finite_is_undefined_and_says_why(linear, instances, batch_of):
    linear.embedding.weight[linear.embedding.num_embeddings - 1] = 1e200
    linear.weight *= 1e200
    batch = batch_of(instances((5, 7)))
    ids = batch.ids.clone()
    ids[1, 2] = linear.embedding.num_embeddings - 1
    found = asked(linear, type(batch)(**{**vars(batch), "ids": ids}), NAMES[:1])
    bad = found.integrals[NAMES[0]][1]
    assert bad.reason == NOT_FINITE
    assert bad.error is bad.completeness_error is None
    assert np.isnan(found.scores[NAMES[0]][1, :7]).all()


@pytest.mark.parametrize(
    ("mask", "unknown", "given"),
    [
        (None, 1, {"integrated_gradients", "integrated_gradients_unknown"}),
        (9, 1, {"integrated_gradients", "integrated_gradients_mask"}),
        (9, None, {"integrated_gradients", "integrated_gradients_mask"}),
        (None, None, {"integrated_gradients"}),
    ],
)
def test_a_model_gets_two_baselines_where_it_has_a_token_for_one(classic, mask, unknown, given):
    model = classic("average")
    model.mask_token, model.unknown_token = mask, unknown
    reasons = {name: IMPORTANCES[name].needs(model) for name in NAMES}
    assert {name for name, reason in reasons.items() if reason is None} == given
    for name, reason in reasons.items():
        assert reason is None or name in reason


@pytest.mark.parametrize(
    ("kind", "own", "expected"),
    [("bert", True, (4, 1)), ("gpt2", True, (None, 1)), ("gpt2", False, (None, None))],
)
def test_a_transformer_has_an_unknown_token_of_its_own_or_none(
    write_pretrained, tmp_path, kind, own, expected
):
    folder = write_pretrained(tmp_path / "it", kind, 2, framed=kind == "bert")
    if not own:  # unknown pieces then become padding
        file = folder / "tokenizer_config.json"
        told = json.loads(file.read_text())
        del told["unk_token"]
        file.write_text(json.dumps(told))
    model = load_classifier(open_reference(Reference(str(folder))))
    assert (model.mask_token, model.unknown_token) == expected


def test_each_takes_at_most_the_cap(classic):
    model, lengths = classic("average"), np.array([3, 4])
    for name in NAMES:
        cost = IMPORTANCES[name].cost(model, Texts(lengths, lengths, lengths, lengths * 0))
        assert (cost.forward, cost.backward, cost.exact) == (2 * MOST, 2 * MOST, False)
        assert IMPORTANCES[name].baseline in IMPORTANCES[name].definition


@pytest.mark.whole
@pytest.mark.skipif(
    not (SHARED / "models" / "minilm-sst2").is_dir() or not (SHARED / "data" / "sst2").is_dir(),
    reason="minilm-sst2 and SST-2 are not here",
)
@pytest.mark.parametrize("name", ["integrated_gradients", "integrated_gradients_mask"])
def test_minilm_ranks_words_as_in_the_limit(name):
    """Float32 and the tool's tolerance against float64 and a tolerance a thousand times finer."""
    from tests.integrated_gradients import Subject, reference_of

    subject = Subject.of(
        SHARED / "models" / "minilm-sst2", SHARED / "data" / "sst2" / "test.jsonl", texts=6
    )
    taus = []
    for one in subject.texts:
        path = subject.path(one, name, torch.float32)
        found = integrate(path.look, 1, tolerance=TOLERANCE, most=MOST, rounding=path.rounding)
        exact = reference_of(subject.path(one, name, torch.float64).look)
        assert found.settled.all()
        taus.append(kendalltau(np.abs(found.signed[0]), np.abs(exact.signed)).statistic)
    assert np.mean(taus) > 0.99
    assert min(taus) > 0.97
