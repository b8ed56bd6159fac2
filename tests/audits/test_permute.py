from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
import torch

from attnaudit.audits.combine import combine
from attnaudit.audits.job import Job
from attnaudit.audits.permute import AUDIT, PermuteSettings, records, summarise
from attnaudit.audits.run import run_audit
from attnaudit.execution.observer import Silent
from attnaudit.models.classic.attentions import Uniform
from attnaudit.report.registry import all_specs

LABELS = ("bad", "good")


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
        assert found["tvd"] == {"median": 0.0, "mean": 0.0, "max": 0.0}


def test_records_do_not_depend_on_the_batch(model, batches):
    small, large = (made(model.double(), batches(budget)) for budget in (1, 1000))
    for one, other in zip(small, large, strict=True):
        assert one["tvd"] == pytest.approx(other["tvd"], abs=1e-9)
        assert one["max_attention"] == pytest.approx(other["max_attention"], abs=1e-9)
        assert one["conicity"] == pytest.approx(other["conicity"], abs=1e-9)


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
    assert estimate.reason


def test_every_registered_metric_is_measured(model, batches):
    summary = summarise(made(model, batches()), PermuteSettings(), LABELS)
    registered = {n for s in all_specs() for n in s.names() if n.startswith("permute.")}
    assert registered == {n for n in summary.metrics if n.startswith("permute.")}


def test_the_report_can_be_made_again_from_its_records(tiny, tmp_path):
    path = tmp_path / "records.jsonl"
    job = Job(model=str(tiny / "model.pt"), data=tiny / "data.yaml", records=path)
    report = run_audit(AUDIT, PermuteSettings(permutations=10), job, None, Silent())
    assert combine([path]).report == report
    assert report.metrics["permute.tvd.median"].n == 30
