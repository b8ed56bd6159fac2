from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from attnaudit.data.batch import collate
from attnaudit.measures.summary import Estimate
from attnaudit.models.interface import Values
from attnaudit.questions.answers import answer
from attnaudit.questions.reliance import all_erased, residual_ratios
from attnaudit.questions.reliance_tables import reliance_columns, reliance_notes, reliance_tables

TEXTS = [((0.0, math.log(3), 2.0), (0.0, 0.0, -1.0)), ((1.0, 1.0, 0.5),)]


@pytest.mark.parametrize("linear", [True, False])
def test_all_erased_leaves_the_bias(summing, known_of, linear):
    texts = [TEXTS[0], ((0.0, 0.0, 0.5), (0.0, 0.0, 0.5))]
    model, batches = summing(texts[:1] if linear else texts, bias=0.3)
    if linear:  # a linear readout has one head
        model, batches = summing([((0.0, 2.0), (0.0, -1.0)), ((0.0, 0.5), (0.0, 0.5))], bias=0.3)
    else:
        model.token_logits = None
    known = known_of(model, batches)
    bias = 1 / (1 + math.exp(-0.3))
    for found, probs in zip(all_erased(model, known), known.probs, strict=True):
        assert found["tvd"] == pytest.approx(abs(float(probs[1]) - bias), abs=1e-7)
        assert found["flips"] == (float(probs[1]) < 0.5)


def test_the_ratio_is_that_of_what_is_added_to_what_it_is_added_to(summing, known_of):
    """Head 0 gives (3/4, 1/4) on two tokens, head 1 one half each; by hand."""
    model, batches = summing([((math.log(3), 0.0, 0.0), (0.0, 0.0, 0.0))])
    known = known_of(model, batches)
    assert residual_ratios(model, known) is None
    vectors = torch.tensor([[[[4.0], [0.0]], [[2.0], [6.0]]]], dtype=torch.float64)
    output = torch.tensor([[[1.0, 0.0]], [[0.0, 1.0]]], dtype=torch.float64)
    residual = torch.tensor([[6.0, 8.0]], dtype=torch.float64)
    model.values = lambda encoded: Values(vectors, output, residual)
    assert residual_ratios(model, known) == [pytest.approx(5 / 10)]  # (3, 4) on (6, 8)
    model.values = lambda encoded: Values(vectors, output, torch.zeros_like(residual))
    assert residual_ratios(model, known) == [None]
    for lacking in (Values(vectors, None, residual), Values(vectors, output)):
        model.values = lambda encoded, lacking=lacking: lacking
        assert residual_ratios(model, known) is None


def test_of_a_transformer_it_is_what_its_last_layer_adds(tiny_bert, instances):
    model, vocabulary = tiny_bert(torch.float64)
    model.network.bert.encoder.layer[-1].attention.output.dense.bias.zero_()
    batch = collate(instances, vocabulary, boundaries=True)
    known = answer(model, batch, {i.row: i for i in instances})
    seen = {}
    layer = model.network.bert.encoder.layer[-1].attention.output
    layer.dense.register_forward_hook(lambda m, args, given: seen.update(given=given[:, 0]))
    layer.register_forward_pre_hook(lambda m, args: seen.update(residual=args[1][:, 0]))
    model(batch)
    expected = seen["given"].norm(dim=-1) / seen["residual"].norm(dim=-1)
    assert residual_ratios(model, known) == pytest.approx(expected.tolist(), rel=1e-6)
    assert max(found["tvd"] for found in all_erased(model, known)) > 1e-3


def test_columns_are_of_what_the_records_hold():
    assert reliance_columns([{"all_erased": None}, {}]) == {}
    records = [
        {"all_erased": {"tvd": 0.5, "flips": True}, "residual_ratio": None},
        {"all_erased": {"tvd": 0.1, "flips": False}, "residual_ratio": 0.25},
    ]
    columns = reliance_columns(records)
    assert columns["erase.all.tvd.mean"].tolist() == [0.5, 0.1]
    assert columns["erase.all.flips"].tolist() == [1, 0]
    np.testing.assert_array_equal(columns["erase.residual_ratio.mean"], [np.nan, 0.25])
    del records[1]["residual_ratio"]
    assert "erase.residual_ratio.mean" not in reliance_columns(records)


def test_the_table_shows_what_there_is():
    assert reliance_tables({}) == {}
    table = reliance_tables({"erase.all.flips": Estimate(0.25, n=4)})["erase.all"]
    assert table.rows == [["share of decisions that flip", 0.25, None, None, 4]]


@pytest.mark.parametrize(
    ("tvd", "said"),
    [(None, 0), (Estimate(None, n=0), 0), (Estimate(0.05, n=9), 0), (Estimate(0.049, n=9), 1)],
)
def test_answers_that_barely_move_are_remarked_on(tvd, said):
    assert len(reliance_notes(tvd)) == said
