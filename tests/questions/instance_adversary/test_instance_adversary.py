from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pydantic
import pytest
import torch

from attnaudit.data.instance import Instance
from attnaudit.execution.observer import Silent
from attnaudit.models.classic.classifier import Recipe, build_classic
from attnaudit.models.interface import ModelSpec
from attnaudit.models.predict import Batches
from attnaudit.questions.instance_adversary import QUESTION, make
from attnaudit.questions.instance_adversary.make import MAKER
from attnaudit.questions.instance_adversary.settings import InstanceSettings
from attnaudit.questions.instance_adversary.summarise import prefixes, summarise
from attnaudit.report.combine import combine
from attnaudit.report.registry import all_specs, find
from attnaudit.running.job import Job
from attnaudit.running.run import run_questions

LABELS = ("bad", "good")
FIGURES = ("jsd", "upper", "tvd", "logit_change")


def made(model, batches, **settings):
    chosen = InstanceSettings(**settings)
    parts = MAKER.records(model, batches, chosen, Silent())
    return sorted((r for part in parts for r in part), key=lambda r: r["row"])


def test_of_a_transformer_a_lower_bound_is_found_beside_its_cap(tiny_bert, instances):
    """Many heads, words of several pieces; whatever the batch."""
    model, vocabulary = tiny_bert(torch.float64)
    names = [f"w{i}" for i in range(25)]
    some = [
        replace(i, tokens=tuple(names[(7 * i.row + k) % 25] for k in range(len(i.tokens))))
        for i in instances
    ]
    small, large = (
        made(model, Batches(some, vocabulary, True, torch.device("cpu"), budget))
        for budget in (1, 1000)
    )
    for one, other in zip(small, large, strict=True):
        (found,) = one["adversary"]
        assert found["bound"] in ("lower", "exact")
        assert found["jsd"] <= found["upper"] == pytest.approx(one["cap"])
        assert found["tvd"] <= 0.01
        assert (found["bound"] == "exact") == (one["cap"] - found["jsd"] <= 1e-6)
        assert other["adversary"][0]["jsd"] == pytest.approx(found["jsd"], abs=1e-6)
        assert one["outside"] > 0.01
    assert np.mean([r["adversary"][0]["jsd"] / r["cap"] for r in small]) > 0.4


def test_the_texts_of_a_batch_are_searched_side_by_side(tiny_bert, instances, monkeypatch):
    """Each as by itself; the calls of the model are those of the text that takes most."""
    model, vocabulary = tiny_bert(torch.float64)
    some = [replace(i, tokens=tuple(f"w{k}" for k in range(len(i.tokens)))) for i in instances]
    batches = Batches(some, vocabulary, True, torch.device("cpu"), 1000)
    assert len(batches) == 1
    read_some, calls = model.read_some, []

    def counted(encoded, alpha, asked):
        calls.append(len(alpha))
        assert asked.any()
        return read_some(encoded, alpha, asked)

    monkeypatch.setattr(model, "read_some", counted)
    together = made(model, batches)
    side_by_side = len(calls)
    assert set(calls) == {len(some)}
    calls.clear()
    monkeypatch.setattr(make, "room_for_texts", lambda heads, tokens: 1)
    alone = made(model, batches)
    assert set(calls) == {1}
    assert side_by_side < 0.6 * len(calls)
    for one, other in zip(together, alone, strict=True):
        figures, others = one["adversary"][0], other["adversary"][0]
        assert [figures[f] for f in FIGURES] == pytest.approx(
            [others[f] for f in FIGURES], abs=1e-6
        )


def entry(jsd, upper=None, tvd=0.01, bound="exact", epsilon=0.01):
    return {
        "epsilon": epsilon,
        "bound": bound,
        "jsd": jsd,
        "upper": jsd if upper is None else upper,
        "tvd": tvd,
        "logit_change": 10 * tvd,
        "said": [0.2, 0.8],
        "weights": [[0.0, 1.0]],
    }


def record(row, *entries, cap=0.5, attention=(0.6, 0.4), positive=0.9, **more):
    return {
        "row": row,
        "id": str(row),
        "gold": 1,
        "predicted": int(positive > 0.5),
        "probs": [1 - positive, positive],
        "words": len(attention),
        "outside": 0.0,
        "attention": list(attention),
        "cap": cap,
        "adversary": list(entries),
        **more,
    }


def test_records_hold_what_the_module_says(model, batches):
    epsilons = (0.05, 0.01)
    for found in made(model, batches(), epsilons=epsilons, alternatives=2):
        json.dumps(found, allow_nan=False)
        assert "run" not in found
        assert "tokens" not in found
        assert "search" not in found
        assert len(found["attention"]) == found["words"]
        assert [e["epsilon"] for e in found["adversary"]] == list(epsilons)
        for e in found["adversary"]:
            assert set(e) == {"epsilon", "bound", *FIGURES, "said", "weights"}
            assert 0 <= e["jsd"] <= e["upper"] <= found["cap"] + 1e-9
            assert e["tvd"] <= e["epsilon"] + 1e-9
            assert e["bound"] == "exact"
            assert sum(e["said"]) == pytest.approx(1)
            tvd = abs(np.array(e["said"]) - found["probs"]).sum() / 2
            assert tvd == pytest.approx(e["tvd"], abs=1e-6)
            odds = [np.log(p[1] / p[0]) for p in (e["said"], found["probs"])]
            assert abs(odds[0] - odds[1]) == pytest.approx(e["logit_change"], abs=1e-5)
            for weights in e["weights"]:
                assert len(weights) == found["words"]
                assert min(weights) >= 0
                assert sum(weights) == pytest.approx(1, abs=1e-6)


def test_a_wider_epsilon_never_leaves_less_room(model, batches):
    with torch.no_grad():
        model.output.weight.mul_(30)
    for found in made(model, batches(), epsilons=(0.001, 0.01, 0.1)):
        jsds = [e["jsd"] for e in found["adversary"]]
        assert jsds == sorted(jsds)
        assert jsds[0] < jsds[2]


@pytest.mark.parametrize("classes", [2, 3])
def test_records_do_not_depend_on_the_batch(vocabulary, batches, classes):
    spec = ModelSpec(vocabulary, tuple("abc"[:classes]))
    model = build_classic(Recipe(embedding=6, hidden=8), spec, seed=0).eval().double()
    model.requires_grad_(False)
    model.output.weight.mul_(20)
    settings = {"alternatives": 2, "search": True, "search_steps": 20}
    small, large = (made(model, batches(budget), **settings) for budget in (1, 1000))
    for one, other in zip(small, large, strict=True):
        assert one["search"] == pytest.approx(other["search"], abs=1e-7)
        for e, f in zip(one["adversary"], other["adversary"], strict=True):
            assert {k: e[k] for k in FIGURES} == pytest.approx({k: f[k] for k in FIGURES}, abs=1e-7)
            assert np.array(e["weights"]) == pytest.approx(np.array(f["weights"]), abs=1e-6)


def test_pieces_of_a_word_are_shown_together_and_searched_apart(model, batches):
    """Weights may move within a word: the divergence over pieces is never the smaller one."""
    whole, pieces = (made(model, batches(pieces=p)) for p in (False, True))
    for one, other in zip(whole, pieces, strict=True):
        theirs = pytest.approx(other["adversary"][0]["jsd"], abs=1e-7)
        assert one["adversary"][0]["jsd"] == theirs
        assert one["cap"] == pytest.approx(other["cap"], abs=1e-7)
    assert [len(r["adversary"][0]["weights"][0]) for r in whole] == [3, 3, 8, 2]
    assert [len(r["adversary"][0]["weights"][0]) for r in pieces] == [3, 5, 8, 2]


def test_words_only_where_text_is_asked_for(model, batches):
    texts = [r["tokens"] for r in made(model, batches(), text=True)]
    assert texts[1] == ["unbearable", "from", "start"]


def test_a_search_is_checked_and_its_failures_are_counted(model, batches):
    with torch.no_grad():
        model.output.weight.mul_(30)
        model.output.bias.fill_(-3.7)
    settings = {"search": True, "search_steps": 1, "search_alternatives": 3, "restarts": 2}
    found = made(model, batches(), epsilons=(1e-4,), **settings)
    counts = [r["search"]["feasible"] for r in found]
    assert min(counts) == 0
    assert max(counts) <= 6
    for r in found:
        search = r["search"]
        assert search["tvd"] <= 1e-4 + 1e-9
        assert search["jsd"] <= r["adversary"][0]["jsd"] + 1e-9
        if not search["feasible"]:
            assert (search["jsd"], search["tvd"]) == (0, 0)


def test_a_pair_model_gives_a_lower_bound(instances, vocabulary, batches):
    paired = [replace(i, query=("good", "film")) for i in instances]
    assert isinstance(paired[0], Instance)
    spec = ModelSpec(vocabulary, LABELS, paired=True)
    model = build_classic(Recipe(embedding=6, hidden=8), spec, seed=0).eval().requires_grad_(False)
    found = made(model, replace(batches(), instances=paired))
    for r in found:
        (e,) = r["adversary"]
        assert e["upper"] == pytest.approx(r["cap"]) or e["bound"] == "exact"
        assert e["bound"] in ("lower", "exact")
        assert e["tvd"] <= 0.01 + 1e-9


def test_summary_of_known_records():
    rows = [
        record(0, entry(0.4), cap=0.5),
        record(1, entry(0.0, tvd=0.0), cap=0.5, positive=0.1),
        record(2, entry(0.2, upper=0.3, bound="lower+upper", tvd=0.002), cap=0.4),
        record(3, entry(0.0, upper=0.0, tvd=0.0), cap=0.0, attention=(1.0,)),
    ]
    summary = summarise(rows, InstanceSettings(), LABELS)
    values = {name: m.value for name, m in summary.metrics.items()}
    assert values["adversary.instance.jsd.mean"] == pytest.approx(0.15)
    assert values["adversary.instance.relative_mean"] == pytest.approx((0.8 + 0 + 0.5) / 3)
    assert summary.metrics["adversary.instance.relative_mean"].undefined == 1
    assert values["adversary.instance.upper.mean"] == pytest.approx(0.175)
    assert values["adversary.instance.no_alternative"] == 0.5
    assert values["adversary.instance.tvd.mean"] == pytest.approx(0.003)
    assert values["adversary.instance.logit_change.mean"] == pytest.approx(0.03)
    assert values["adversary.instance.exact"] == 0.75
    assert any("25 %" in note for note in summary.notes)
    bins = summary.tables["adversary.instance_bins"].rows
    assert [row[:2] + row[5:] for row in bins] == [
        ["bad", "0.5 to 0.75", 1],
        ["good", "0.5 to 0.75", 2],
        ["good", "0.75 to 1", 1],
    ]
    assert bins[1][3] == pytest.approx(0.3)


def test_no_alternative_is_counted_by_the_upper_bound():
    rows = [record(k, entry(0.0, upper=0.4, bound="lower")) for k in range(3)]
    metrics = summarise(rows, InstanceSettings(), LABELS).metrics
    assert metrics["adversary.instance.no_alternative"].value == 0


def test_further_epsilons_stand_under_names_of_their_own():
    settings = InstanceSettings(epsilons=(0.05, 0.001))
    assert prefixes(settings.epsilons) == {
        0.05: "adversary.instance",
        0.001: "adversary.instance[epsilon=0.001]",
    }
    rows = [record(k, entry(0.4, epsilon=0.05), entry(0.1, epsilon=0.001)) for k in range(3)]
    summary = summarise(rows, settings, LABELS)
    assert summary.metrics["adversary.instance.jsd.mean"].value == pytest.approx(0.4)
    other = "adversary.instance[epsilon=0.001].jsd.mean"
    assert summary.metrics[other].value == pytest.approx(0.1)
    assert find(other) is not None
    assert [row[0] for row in summary.tables["adversary.instance"].rows] == ["0.05", "0.001"]


def test_the_search_is_put_beside_what_is_exact():
    rows = [
        record(0, entry(0.4), search={"feasible": 2, "jsd": 0.3, "tvd": 0.01}),
        record(1, entry(0.4), search={"feasible": 5, "jsd": 0.395, "tvd": 0.01}),
        record(2, entry(0.4), search={"feasible": 0, "jsd": 0.0, "tvd": 0.0}),
        record(3, entry(0.4), search={"feasible": 1, "jsd": 0.425, "tvd": 0.01}),
    ]
    summary = summarise(rows, InstanceSettings(search=True), LABELS)
    assert summary.metrics["adversary.search.jsd.mean"].value == pytest.approx(0.28)
    assert summary.metrics["adversary.search.feasible"].value == 0.75
    shown = [row[1] for row in summary.tables["adversary.search"].rows]
    assert shown == pytest.approx([0.28, 0.4, 0.75, 0.5, 0.25])


def test_every_registered_metric_is_measured(model, batches):
    settings = {"search": True, "search_steps": 2}
    summary = summarise(made(model, batches(), **settings), InstanceSettings(**settings), LABELS)
    registered = {
        name
        for spec in all_specs()
        for name in spec.names()
        if name.startswith(("adversary.instance.", "adversary.search."))
    }
    assert registered == {n for n in summary.metrics if n.startswith("adversary.")}
    assert summary.columns is not None
    assert set(summary.columns.values) == {*registered, "model.accuracy"}


@pytest.mark.parametrize("epsilons", [(), (0.0,), (1.0,), (0.01, 0.01), (1e-6,)])
def test_epsilons_that_make_no_sense(epsilons):
    with pytest.raises(pydantic.ValidationError):
        InstanceSettings(epsilons=epsilons)


def test_the_report_can_be_made_again_from_its_records(tiny, tmp_path):
    path = tmp_path / "records.jsonl"
    job = Job(model=str(tiny / "model.pt"), data=tiny / "data.yaml", records=path)
    settings = InstanceSettings(epsilons=(0.01, 0.05), alternatives=2)
    report = run_questions([(QUESTION, settings)], job, None, Silent())
    assert combine([path]).report == report
    assert report.metrics["adversary.instance.jsd.mean"].n == 30


def test_no_more_weights_are_kept_than_there_are(model, batches):
    found = made(model, batches(), alternatives=5)
    counts = {r["words"]: len(r["adversary"][0]["weights"]) for r in found}
    assert counts[2] <= 2
    assert counts[8] == 5
