from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from attnaudit.execution.observer import Silent
from attnaudit.importance import IMPORTANCES, integrated_gradients
from attnaudit.measures.columns import parts
from attnaudit.models.classic.attentions import Uniform
from attnaudit.models.classic.classifier import Recipe, build_classic
from attnaudit.models.interface import ModelSpec
from attnaudit.questions.erase import QUESTION
from attnaudit.questions.erase.flip_tables import CRITERIA
from attnaudit.questions.erase.make import records, settle
from attnaudit.questions.erase.settings import EraseSettings
from attnaudit.questions.erase.summarise import summarise
from attnaudit.report.combine import combine
from attnaudit.report.registry import all_specs, find
from attnaudit.running.job import Job
from attnaudit.running.run import run_questions

LABELS = ("bad", "good")
QUICK = ("gradient", "random")
KEYS = [
    "row",
    "id",
    "gold",
    "predicted",
    "probs",
    "words",
    "outside",
    "single",
    "fractions",
    "all_erased",
    "support",
    "comprehensiveness",
    "sufficiency",
    "plausibility",
    "integration",
    "attention",
]


def made(model, batches, **settings):
    parts = records(model, batches, settle(EraseSettings(**settings), model), Silent())
    return sorted((r for part in parts for r in part), key=lambda r: r["row"])


@pytest.fixture
def explained(instances):
    """Some texts with a rationale: the second has an empty one, the third none."""
    flags = ((0, 1, 0), (0,) * 5, None, (1, 0))
    instances[:] = [replace(i, rationale=f) for i, f in zip(instances, flags, strict=True)]


def test_records_hold_what_the_docstring_says(model, batches, instances, explained):
    found = made(model, batches())
    rankings = ["attention", *(name for name in IMPORTANCES if not name.endswith("_mask"))]
    for record, instance in zip(found, instances, strict=True):
        marked = record.pop("marked", None)
        assert [k for k in record if k != "group"] == KEYS
        assert json.loads(json.dumps(record, allow_nan=False)) == record
        assert len(record["attention"]) == record["words"]
        assert list(record["single"]) == ["gap", "jsd", "flip"]
        assert list(record["fractions"]) == list(CRITERIA)
        for kind in ("comprehensiveness", "sufficiency"):
            assert list(record[kind]) == rankings
            for figures in record[kind].values():
                assert len(figures) == 5
                assert all(-1 <= x <= 1 for x in figures)
        assert (record["plausibility"] is None) == (not any(instance.rationale or ()))
        assert (marked is None) == (record["plausibility"] is None)
        assert marked is None or set(marked) == {"attention", "words"}
    assert list(found[0]["plausibility"]) == rankings
    assert made(model, batches(), optimum_items=7)[2]["fractions"].keys() == set(CRITERIA[:-1])


@pytest.mark.parametrize(
    ("pieces", "paired"),
    # Pieces and pairs are each met with and without the other.
    [
        *((False, False), (True, True)),
        *(pytest.param(*one, marks=pytest.mark.whole) for one in ((False, True), (True, False))),
    ],
)
def test_records_do_not_depend_on_the_batch(
    batches, vocabulary, instances, explained, paired, pieces
):
    recipe = Recipe(encoder="bilstm", embedding=6, hidden=8)
    spec = ModelSpec(vocabulary, ("a", "b", "c"), paired)
    model = build_classic(recipe, spec, seed=0).double().eval().requires_grad_(False)
    for weight in model.parameters():
        weight.mul_(3)
    if paired:
        instances[:] = [replace(i, query=("good", "fun")) for i in instances]
    small, large = (made(model, batches(budget, pieces=pieces)) for budget in (1, 10**6))
    for one, other in zip(small, large, strict=True):
        assert one["fractions"] == other["fractions"]
        assert one["single"]["flip"] == other["single"]["flip"]
        assert one["single"]["jsd"] == pytest.approx(other["single"]["jsd"], abs=1e-9)
        for mine, theirs in (
            (one["support"], other["support"]),
            *((one["support"][k], other["support"][k]) for k in ("random", "deleted")),
        ):
            assert mine["status"] == theirs["status"]
            for figure in ("tvd", "largest"):
                assert mine[figure] == pytest.approx(theirs[figure], abs=1e-7)
        for key in ("comprehensiveness", "sufficiency", "plausibility"):
            assert (one[key] is None) == (other[key] is None)
            for name, figures in (one[key] or {}).items():
                assert figures == pytest.approx(other[key][name], abs=1e-7), (key, name)


def test_another_seed_gives_other_random_rankings(model, batches):
    first, again, other = (made(model, batches(), seed=s, measures=QUICK) for s in (0, 0, 1))
    assert first == again
    assert [r["sufficiency"]["random"] for r in first] != [
        r["sufficiency"]["random"] for r in other
    ]
    assert [r["sufficiency"]["attention"] for r in first] == [
        r["sufficiency"]["attention"] for r in other
    ]


def test_items_are_ranked_by_the_reading_asked_for(summing):
    """Heads of (.9, .1) and (.3, .7) on z = 3 and -1: the first token decides, and leads the mean.

    By the second head its other token goes first, which changes no decision.
    """
    first, second = math.log(9), math.log(3 / 7)
    model, batches = summing([((first, second, 3.0), (0.0, 0.0, -1.0))], linear=False)
    mean, head = (
        made(model, batches, measures=("random",), reading=reading)[0]
        for reading in ("mean", "head1")
    )
    assert mean["single"]["gap"] == pytest.approx(0.2)
    assert head["single"]["gap"] == pytest.approx(0.4)
    assert mean["single"]["flip"] == {"top": True, "random": False}
    assert head["single"]["flip"] == {"top": False, "random": True}
    assert mean["fractions"]["attention"] == 0.5
    assert head["fractions"]["attention"] == 1
    assert mean["fractions"]["gradient"] == head["fractions"]["gradient"]
    assert head["attention"] == pytest.approx([0.3, 0.7])


def test_words_are_kept_only_when_asked_for(model, batches):
    assert all("tokens" not in r for r in made(model, batches(), measures=QUICK))
    shown = made(model, batches(), measures=QUICK, text=True)
    assert shown[1]["tokens"] == ["unbearable", "from", "start"]


def test_uniform_attention_leaves_no_gap_and_no_nan(model, batches, explained):
    model.attention = Uniform(model.encoder.width, False)
    found = made(model, batches(pieces=True))
    assert all(r["single"]["gap"] == pytest.approx(0, abs=1e-6) for r in found)
    other = made(model, batches(pieces=True), seed=1)
    for kind in ("fractions", "sufficiency"):  # whose ties the seed breaks
        assert [r[kind]["attention"] for r in found] != [r[kind]["attention"] for r in other]
    summary = summarise(found, settle(EraseSettings(), model), LABELS)
    assert summary.metrics["erase.single.negative_large_gap"].value is None
    for estimate in summary.metrics.values():
        for part in (estimate.value, estimate.ci_low, estimate.ci_high):
            assert part is None or math.isfinite(part)
        assert estimate.value is not None or estimate.reason
    cells = [c for t in summary.tables.values() for row in t.rows for c in row]
    assert not any(isinstance(c, float) and not math.isfinite(c) for c in cells)


def figures(value):
    return {name: [value] * 5 for name in ("attention", *QUICK)}


def record(row, fraction, **more):
    return {
        "row": row,
        "id": str(row),
        "gold": 1,
        "predicted": 1,
        "probs": [0.1, 0.9],
        "words": 4,
        "outside": 0.0,
        "single": {
            "gap": 0.1 * row,
            "jsd": {"top": 0.01 * row, "random": 0.02},
            "flip": {"top": False, "random": False},
        },
        "fractions": {
            "attention": fraction,
            "gradient": 0.5,
            "attention_gradient": 0.5,
            "random": [1.0] * 5,
        },
        "comprehensiveness": figures(0.1 * row),
        "sufficiency": figures(0.2),
        "plausibility": None,
        "attention": [0.25] * 4,
        **more,
    }


def test_summary_of_known_records():
    summary = summarise(
        [record(i, f) for i, f in enumerate((0.25, 0.75, None, 0.5))],
        EraseSettings(measures=QUICK),
        LABELS,
    )
    values = {name: m.value for name, m in summary.metrics.items()}
    assert values["erase.flip_fraction.attention"] == pytest.approx(2.5 / 4)
    assert values["erase.never_flips.attention"] == 1 / 4
    assert values["erase.flip_fraction.random"] == 1
    assert values["erase.comprehensiveness.attention"] == pytest.approx(0.15)
    assert values["erase.sufficiency.random"] == pytest.approx(0.2)
    assert values["erase.single.jsd_difference.mean"] == pytest.approx(-0.005)
    assert values["erase.single.negative"] == 1 / 2
    assert values["erase.single.spearman"] == pytest.approx(1)
    assert values["model.accuracy"] == 1
    assert not any(name.startswith("plausibility") or "optimum" in name for name in values)
    assert list(summary.tables) == [
        "erase.single",
        "erase.single_flips",
        "erase.flips",
        "erase.flip_curve",
        "erase.deletions",
        "erase.deletions_detail",
    ]
    assert summary.columns.values["erase.flip_fraction.attention"].tolist() == [0.25, 0.75, 1, 0.5]


def test_plausibility_stands_apart_and_counts_who_has_none():
    marked = {n: {"token_f1": 0.5, "iou_f1": 0.0, "auprc": 0.4} for n in ("attention", *QUICK)}
    rows = [record(0, 0.5, plausibility=marked), record(1, 0.5), record(2, 0.5)]
    summary = summarise(rows, EraseSettings(measures=QUICK), LABELS)
    estimate = summary.metrics["plausibility.token_f1.attention"]
    assert (estimate.value, estimate.n, estimate.undefined) == (0.5, 1, 2)
    assert list(summary.tables)[-1] == "plausibility"  # older records have nothing on rightness
    assert not any(name.startswith("erase.rightness") for name in summary.metrics)
    rows[0]["marked"] = {"attention": 0.25, "words": 0.5}
    newer = summarise(rows, EraseSettings(measures=QUICK), LABELS)
    assert list(newer.tables)[-1] == "erase.rightness"
    assert newer.metrics["erase.rightness.auroc.attention"].reason.startswith("the answers to all")
    assert (
        "2 of 3 texts have no human rationale. Plausibility is undefined for them."
    ) in summary.notes


def test_every_registered_metric_is_measured_within_its_range(model, batches, explained):
    model.mask_token = 1
    summary = summarise(made(model, batches()), settle(EraseSettings(), model), LABELS)
    stems = ("erase.", "plausibility.")
    registered = {n for s in all_specs() for n in s.names() if n.startswith(stems)}
    registered.remove("erase.residual_ratio.mean")  # nothing bypasses the attention here
    registered.remove("erase.no_reading")  # attention weights are always there
    # There is a mask token instead.
    registered = {n for n in registered if not n.endswith("integrated_gradients_unknown")}
    assert registered == {n for n in summary.metrics if n.startswith(stems)}
    for name, estimate in summary.metrics.items():
        low, high = find(name).range
        assert estimate.value is None or low <= estimate.value <= high, name


def test_records_are_taken_in_by_parts(model, batches, explained, monkeypatch):
    """The first text has no rationale here, and too many items for an optimum: some parts lack."""
    settings = settle(EraseSettings(optimum_items=2), model)
    found = made(model, batches(), optimum_items=2)
    found.insert(0, found.pop(2))
    whole = summarise(found, settings, LABELS)
    monkeypatch.setattr(
        "attnaudit.questions.erase.summarise.parts", lambda records: parts(records, 1)
    )
    by_one = summarise(found, settings, LABELS)
    assert dict(by_one.metrics) == dict(whole.metrics)
    assert by_one.tables == whole.tables
    assert list(by_one.notes) == list(whole.notes)


def test_only_attention_and_no_plausibility_has_a_better_way():
    ways = {n: s.direction for s in all_specs() for n in s.names()}
    assert ways["erase.flip_fraction.attention"] == "lower"
    assert ways["erase.sufficiency.attention"] == "lower"
    assert ways["erase.comprehensiveness.attention"] == "higher"
    for name, way in ways.items():
        if name.startswith("plausibility.") or (
            name.startswith("erase.") and name.endswith((".random", ".gradient", ".optimum"))
        ):
            assert way == "neutral", name


def test_the_report_can_be_made_again_from_its_records(tiny, tmp_path):
    path = tmp_path / "records.jsonl"
    job = Job(model=str(tiny / "model.pt"), data=tiny / "data.yaml", records=path)
    report = run_questions([(QUESTION, EraseSettings(measures=QUICK))], job, None, Silent())
    assert combine([path]).report == report
    assert report.metrics["erase.flip_fraction.attention"].n == 30
    assert report.metrics["plausibility.auprc.attention"].n > 0


def test_a_ranking_that_is_undefined_is_left_out(model, batches, explained, monkeypatch):
    """It has no order: words of random order would have passed for its own."""
    monkeypatch.setattr(integrated_gradients, "TOLERANCE", 1e-13)
    monkeypatch.setattr(integrated_gradients, "MOST", 12)
    name = "integrated_gradients"
    found = made(model.double(), batches(), measures=(name, "random"))
    lost = [name in r["integration"] and "reason" in r["integration"][name] for r in found]
    assert any(lost)
    for record, undefined in zip(found, lost, strict=True):
        for kind in ("comprehensiveness", "sufficiency"):
            assert list(record[kind]) == ["attention", name, "random"]
            assert record[kind][name].count(None) == (5 if undefined else 0)
            assert None not in record[kind]["random"]
        if record["plausibility"]:
            figures = record["plausibility"][name].values()
            assert all(f is None for f in figures) == undefined
        assert json.loads(json.dumps(record, allow_nan=False)) == record
    settings = settle(EraseSettings(measures=(name, "random")), model)
    summary = summarise(found, settings, LABELS)
    mean = summary.metrics[f"erase.comprehensiveness.{name}"]
    assert (mean.n, mean.undefined) == (len(found) - sum(lost), sum(lost))
    notes = summary.tables["erase.deletions"].notes
    assert f"{sum(lost)} of {len(found)} texts undefined" in notes[-1]
    assert "from zeros in place of the words" in notes[-1]


def test_older_records_are_still_summarised(model, batches):
    found = [
        {k: v for k, v in r.items() if k != "integration"}
        for r in made(model, batches(), measures=("integrated_gradients",))
    ]
    settings = settle(EraseSettings(measures=("integrated_gradients",)), model)
    notes = summarise(found, settings, LABELS).tables["erase.deletions"].notes
    assert "12 fixed nodes, convergence not checked" in notes[-1]
