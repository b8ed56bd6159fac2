from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
import torch

from attnaudit.errors import InputError
from attnaudit.execution.observer import Silent
from attnaudit.models.classic.attentions import Uniform
from attnaudit.questions.permute import QUESTION
from attnaudit.questions.permute.make import records
from attnaudit.questions.permute.settings import PermuteSettings
from attnaudit.questions.permute.summarise import summarise
from attnaudit.report.combine import combine
from attnaudit.report.registry import all_specs
from attnaudit.running.job import Job
from attnaudit.running.run import run_questions

LABELS = ("bad", "good")
READ = ("mean", "head0", "head1")
LAYERS = "permute.uniform_layers.tvd.mean"


def made(model, batches, **settings):
    parts = records(model, batches, PermuteSettings(**settings), Silent())
    return sorted((r for part in parts for r in part), key=lambda r: r["row"])


def record(row, median, largest=0.4, positive=0.9, conicity=0.5, **more):
    return {
        "row": row,
        "id": str(row),
        "gold": 1,
        "predicted": int(positive > 0.5),
        "probs": [1 - positive, positive],
        "words": 4,
        "outside": 0.0,
        "tvd": {"median": median, "mean": median, "max": median},
        "max_attention": largest,
        "conicity": conicity,
        **more,
    }


def test_many_permutations_come_near_all_of_them(model, batches):
    model = model.double()
    found = made(model, batches(), permutations=4000)
    for batch in batches():
        encoded = model.encode(batch)
        alpha, own = model.attend(encoded), model(batch).softmax(-1)
        for b, row in enumerate(batch.rows.tolist()):
            places = batch.content[b].nonzero().squeeze(1)
            if len(places) > 5:
                continue
            moved = []
            for order in permutations(places.tolist()):
                weights = alpha[b].clone()
                weights[:, places] = alpha[b][:, list(order)]
                one = torch.zeros(len(batch), 1, *alpha.shape[1:], dtype=alpha.dtype)
                one[b, 0] = weights
                answer = model.read(encoded, one).softmax(-1)[b, 0]
                moved.append(float((answer - own[b]).abs().sum() / 2))
            figures = found[row]["tvd"]
            assert figures["max"] == pytest.approx(max(moved), rel=1e-5)
            assert figures["mean"] == pytest.approx(np.mean(moved), rel=0.1)
            assert min(moved) - 1e-9 <= figures["median"] <= figures["max"]


def test_uniform_attention_cannot_be_shuffled(model, batches):
    model.attention = Uniform(model.encoder.width, False)
    for found in made(model, batches()):
        assert found["tvd"] == pytest.approx({"median": 0.0, "mean": 0.0, "max": 0.0}, abs=1e-6)


def test_records_do_not_depend_on_the_batch(model, batches):
    small, large = (made(model.double(), batches(budget)) for budget in (1, 1000))
    for one, other in zip(small, large, strict=True):
        assert one["tvd"] == pytest.approx(other["tvd"], abs=1e-9)
        assert one["max_attention"] == pytest.approx(other["max_attention"], abs=1e-9)
        assert one["conicity"] == pytest.approx(other["conicity"], abs=1e-9)


def test_heads_that_agree_may_be_permuted_apart(summing):
    """Two like heads, z = 1 or -1: together z is 2 or -2, apart often 0; shown as asked for."""
    model, batches = summing([((4.0, 4.0, 1.0), (-4.0, -4.0, -1.0))], linear=False)
    alike, apart = (made(model, batches, per_head=own)[0]["tvd"] for own in (False, True))
    z = 2 * np.tanh(4)
    half, whole = 1 / (1 + np.exp(-z)) - 0.5, np.tanh(z / 2)
    assert apart["median"] == pytest.approx(half)  # a half of the draws turn one head around
    assert alike["max"] == pytest.approx(apart["max"]) == pytest.approx(whole)
    assert any(alike["median"] == pytest.approx(tvd) for tvd in (0, whole))
    model, batches = summing([((1.0, 0.0, 1.0), (0.0, 0.0, -1.0))], linear=False)
    largest = {r: made(model, batches, reading=r)[0]["max_attention"] for r in READ}
    sure = np.e / (1 + np.e)
    assert largest == pytest.approx({"head0": sure, "head1": 0.5, "mean": (sure + 0.5) / 2})
    with pytest.raises(InputError, match="no head 2") as caught:
        made(model, batches, reading="head2")
    assert "it has heads 0 to 1" in str(caught.value)


def test_with_all_content_erased_a_model_answers_by_its_bias(summing):
    model, batches = summing([((0.0, 2.0), (0.0, 2.0))], bias=-1.0)
    (found,) = made(model, batches)
    own, bias = 1 / (1 + np.exp(-1.0)), 1 / (1 + np.exp(1.0))
    assert found["all_erased"] == {"tvd": pytest.approx(own - bias), "flips": True}
    summary = summarise([found], PermuteSettings(), LABELS)
    assert summary.metrics["permute.all_erased.tvd.mean"].value == pytest.approx(own - bias)
    assert not any("barely move" in note for note in summary.notes)


def test_a_model_of_several_layers_answers_with_all_of_them_uniform(summing):
    """The control is what the model itself gives for it; other models have no such figure."""
    model, batches = summing([((0.0, 2.0), (0.0, 2.0))], bias=-1.0)
    (plain,) = made(model, batches)
    assert "uniform_layers" not in plain
    assert LAYERS not in summarise([plain], PermuteSettings(), LABELS).metrics
    model.uniform_layers = lambda batch: torch.tensor([[0.0, -1.0]]).expand(len(batch), -1)
    (found,) = made(model, batches)
    moved = 1 / (1 + np.exp(-1.0)) - 1 / (1 + np.exp(1.0))
    assert found["uniform_layers"] == {"tvd": pytest.approx(moved), "flips": True}
    summary = summarise([found], PermuteSettings(), LABELS)
    assert summary.metrics[LAYERS].value == pytest.approx(moved)
    table = summary.tables["permute.tvd"]
    assert table.rows[-1][:2] == ["all layers uniform", pytest.approx(moved)]
    assert "other layers decide" in table.notes[-1]


def test_it_is_said_where_answers_do_not_pass_through_the_attention():
    rows = [record(i, 0.01, all_erased={"tvd": 0.02, "flips": False}) for i in range(3)]
    (note,) = (n for n in summarise(rows, PermuteSettings(), LABELS).notes if "barely" in n)
    assert "mean TVD 0.020" in note


def test_summary_of_known_records():
    rows = [record(0, 0.0), record(1, 0.02), record(2, 0.3, positive=0.1), record(3, 0.7)]
    summary = summarise(rows, PermuteSettings(), LABELS)
    values = {name: m.value for name, m in summary.metrics.items()}
    assert values["permute.tvd.median"] == pytest.approx(0.16)
    assert values["permute.tvd.mean"] == pytest.approx(0.255)
    assert values["permute.unmoved"] == 0.5
    assert values["permute.conicity.mean"] == 0.5
    assert values["model.accuracy"] == 0.75
    bins = summary.tables["permute.bins"].rows
    assert [row[:2] + row[5:] for row in bins] == [
        ["bad", "0.25 to 0.5", 1],
        ["good", "0.25 to 0.5", 3],
    ]
    assert bins[1][3] == pytest.approx(0.02)


def test_bins_are_closed_below_and_the_last_one_above():
    rows = [record(i, 0.1, largest) for i, largest in enumerate((0.2, 0.25, 0.5, 0.75, 1.0))]
    bins = summarise(rows, PermuteSettings(), LABELS).tables["permute.bins"].rows
    counts = {row[1]: row[5] for row in bins}
    assert counts == {"0 to 0.25": 1, "0.25 to 0.5": 1, "0.5 to 0.75": 1, "0.75 to 1": 2}


def test_a_model_that_hides_its_states_has_no_conicity(model, batches):
    model.values = None
    summary = summarise(made(model, batches()), PermuteSettings(), LABELS)
    estimate = summary.metrics["permute.conicity.mean"]
    assert estimate.value is None
    assert estimate.reason.startswith("this model does not show it: it has no `values`")


def test_states_that_gave_no_figure_are_not_those_of_a_model_without(model, batches):
    rows = [{**r, "conicity": None} for r in made(model, batches())]
    estimate = summarise(rows, PermuteSettings(), LABELS).metrics["permute.conicity.mean"]
    assert estimate.reason == "no text gave a value"


def test_every_registered_metric_is_measured(model, batches):
    summary = summarise(made(model, batches()), PermuteSettings(), LABELS)
    registered = {n for s in all_specs() for n in s.names() if n.startswith("permute.")}
    found = {n for n in summary.metrics if n.startswith("permute.")}
    assert registered == found | {LAYERS}  # this model has one layer


def test_the_report_can_be_made_again_from_its_records(tiny, tmp_path):
    path = tmp_path / "records.jsonl"
    job = Job(model=str(tiny / "model.pt"), data=tiny / "data.yaml", records=path)
    report = run_questions([(QUESTION, PermuteSettings(permutations=10))], job, None, Silent())
    assert combine([path]).report == report
    assert report.metrics["permute.tvd.median"].n == 30
