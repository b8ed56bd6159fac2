from __future__ import annotations

import json
import math
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from attnaudit.execution.observer import Silent
from attnaudit.importance import IMPORTANCES, integrated_gradients
from attnaudit.models.classic.attentions import Uniform
from attnaudit.models.interface import AttentionModel, Encoded, masked_softmax
from attnaudit.questions.correlate.make import records, settle
from attnaudit.questions.correlate.settings import CorrelateSettings
from attnaudit.questions.correlate.summarise import summarise
from attnaudit.report.registry import all_specs, find

KEYS = [
    "row",
    "id",
    "gold",
    "predicted",
    "probs",
    "words",
    "outside",
    "target",
    "attention",
    "importance",
    "signs",
    "integration",
]


def made(model, batches, **settings):
    settled = settle(CorrelateSettings(**settings), model)
    parts = list(records(model, batches, settled, Silent()))
    return sorted((r for part in parts for r in part), key=lambda r: r["row"])


def test_records_hold_what_the_docstring_says(model, batches, instances):
    found = made(model, batches())
    for record, instance in zip(found, instances, strict=True):
        keys = [k for k in record if k != "group"]
        assert keys == KEYS
        assert record.get("group") == instance.group
        assert ("group" in record) == (instance.group is not None)
        assert (record["row"], record["id"]) == (instance.row, instance.id)
        assert (record["gold"], record["words"]) == (instance.label, instance.words[-1] + 1)
        assert list(record["importance"]) == [m for m in IMPORTANCES if not m.endswith("_mask")]
        assert list(record["signs"]) == [
            *("gradient", "gradient_flowing", "leave_one_out", "integrated_gradients"),
            "integrated_gradients_unknown",
        ]
        for signs in record["signs"].values():
            assert len(signs) == record["words"]
            assert set(signs) <= {-1, 0, 1}
        for vector in (record["attention"], *record["importance"].values()):
            assert len(vector) == record["words"]
            assert min(vector) >= 0
        assert sum(record["attention"]) == pytest.approx(1, abs=1e-6)
        assert sum(record["probs"]) == pytest.approx(1, abs=1e-6)
        assert record["predicted"] == record["target"] == int(np.argmax(record["probs"]))
        assert 0 <= record["outside"] < 1e-6
        assert list(record["integration"]) == [
            "integrated_gradients",
            "integrated_gradients_unknown",
        ]
        for told in record["integration"].values():
            assert told.keys() == {"gradients", "tolerance", "error", "completeness_error"}
            assert 9 <= told["gradients"] <= 384
            assert told["error"] <= told["tolerance"] == 0.01
            assert 0 <= told["completeness_error"] < 1e-3
        assert json.loads(json.dumps(record, allow_nan=False)) == record


def test_records_are_the_models_own_numbers(model, batches, instances):
    (third,) = (r for r in made(model, batches()) if r["row"] == 1)
    (batch,) = (b for b in batches(1) if b.rows.tolist() == [1])
    encoded = model.encode(batch)
    alpha = model.attend(encoded)[0, 0]
    per_word = [alpha[1:4].sum(), alpha[4], alpha[5]]  # "un bear able" is one word, after <SOS>
    np.testing.assert_allclose(third["attention"], per_word, atol=1e-6)
    np.testing.assert_allclose(third["probs"], model(batch).softmax(-1)[0], atol=1e-6)


def test_rounding_puts_no_attention_outside(model, batches, monkeypatch):
    attend = model.attend
    monkeypatch.setattr(model, "attend", lambda encoded: attend(encoded) * (1 + 1e-6))
    assert {r["outside"] for r in made(model, batches(), measures=("random",))} == {0.0}


def test_who_works_on_which_batch_decides_nothing(model, batches):
    """Workers are handed one batch each: the same panels and the same bits."""
    whole = batches()
    settings = settle(CorrelateSettings(), model)
    shared = [
        record
        for number in reversed(range(len(whole)))
        for part in records(model, whole.part(number), settings, Silent())
        for record in part
    ]
    assert len(whole) > 1
    assert sorted(shared, key=lambda r: r["row"]) == made(model, whole)


def test_words_are_kept_only_when_asked_for(model, batches, instances):
    assert all("tokens" not in r for r in made(model, batches()))
    shown = made(model, batches(), text=True)
    assert shown[1]["tokens"] == ["unbearable", "from", "start"]
    assert shown[0]["tokens"] == list(instances[0].tokens)
    pieces = made(model, batches(pieces=True), text=True)
    assert pieces[1]["tokens"] == list(instances[1].tokens)
    assert pieces[1]["words"] == len(pieces[1]["attention"]) == 5


def test_target_may_be_the_gold_class(model, batches):
    found = made(model, batches(), target="gold")
    predicted = made(model, batches())
    assert [r["target"] for r in found] == [r["gold"] for r in found]
    wrong = [r["row"] for r in found if r["gold"] != r["predicted"]]
    assert wrong
    for row in wrong:  # with two classes, p and 1 - p have the same slopes
        for name in ("gradient", "leave_one_out"):
            np.testing.assert_allclose(
                found[row]["importance"][name], predicted[row]["importance"][name], atol=1e-6
            )


@dataclass(frozen=True)
class Framed(Encoded):
    values: Tensor


class TwoHeads(AttentionModel):
    """Attends to <SOS> and <EOS> too; the weights of its heads are its embeddings."""

    boundaries = True

    def __init__(self, size: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(size, 2)

    def encode(self, batch, embeddings=None):
        embedded = self.embed(batch) if embeddings is None else embeddings
        return Framed(batch.mask, batch.content, embedded)

    def attend(self, encoded):
        return masked_softmax(encoded.values.transpose(1, 2), encoded.attendable.unsqueeze(1))

    def read(self, encoded, alpha):
        z = torch.einsum("bvht,bth->bv", alpha, encoded.values)
        return torch.stack([torch.zeros_like(z), z], dim=-1)


def test_attention_is_the_mean_of_heads_renormalised_over_words(batches, vocabulary):
    model = TwoHeads(len(vocabulary)).eval().requires_grad_(False)
    first = made(model, batches(), measures=("random",))[0]
    (batch,) = (b for b in batches(1) if b.rows.tolist() == [0])
    alpha = model.attend(model.encode(batch))[0].mean(0)  # <SOS> a good film <EOS>
    np.testing.assert_allclose(first["attention"], alpha[1:4] / alpha[1:4].sum(), atol=1e-6)
    assert first["outside"] == pytest.approx(float(alpha[0] + alpha[4]), abs=1e-6)
    assert first["outside"] > 0.05
    note = summarise([first], CorrelateSettings(measures=("random",)), ("n", "p")).notes[1]
    assert note.startswith(f"{100 * first['outside']:.0f} % of the attention lies outside")


def record(row, attention, importance, *, gold=0, p=0.2, **more):
    return {
        "row": row,
        "id": str(row),
        "gold": gold,
        "predicted": int(p > 0.5),
        "target": int(p > 0.5),
        "probs": [1 - p, p],
        "words": len(attention),
        "outside": 0.0,
        "attention": attention,
        "importance": importance,
        **more,
    }


UP, DOWN, SWAPPED = [1, 2, 3, 4, 5], [5, 4, 3, 2, 1], [2, 1, 3, 4, 5]
FLAT = [0.2] * 5
SETTINGS = CorrelateSettings(measures=("gradient", "random"))
LABELS = ("bad", "good")


@pytest.fixture
def four():
    """Taus of attention with gradient: 1, -1, 0.8 and none; with random: -1, -1, -0.8 and none."""
    return [
        record(0, UP, {"gradient": UP, "random": DOWN}),
        record(1, UP, {"gradient": DOWN, "random": DOWN}, gold=1, p=0.9),
        record(2, UP, {"gradient": SWAPPED, "random": [4, 5, 3, 2, 1]}, gold=1),
        record(3, FLAT, {"gradient": UP, "random": UP}),
    ]


def values(summary):
    return {name: estimate.value for name, estimate in summary.metrics.items()}


def test_summary_of_known_records(four):
    summary = summarise(four, SETTINGS, LABELS)
    metrics = values(summary)
    assert metrics["correlate.gradient.tau.mean"] == pytest.approx(0.8 / 3)
    spread = np.std([1, -1, 0.8], ddof=1)
    assert metrics["correlate.gradient.tau.std"] == pytest.approx(spread)
    # p of +-1 on five words is 2/120, of one exchange 2 * 5/120.
    assert metrics["correlate.gradient.tau.significant"] == pytest.approx(2 / 3)
    assert metrics["correlate.gradient.tau.significant_bh"] == pytest.approx(2 / 3)
    assert metrics["correlate.gradient.top_overlap.mean"] == pytest.approx(2 / 3)
    assert metrics["correlate.random.top_overlap.mean"] == pytest.approx(0)
    assert metrics["correlate.gradient.top_overlap.chance"] == pytest.approx(1 / 5)
    mean = summary.metrics["correlate.gradient.tau.mean"]
    assert (mean.n, mean.undefined) == (3, 1)
    weighted = metrics["correlate.gradient.weighted_tau.mean"]
    assert -1 / 3 < weighted < 1 / 3  # 1 and -1 cancel; a low exchange costs less than a high one
    assert weighted * 3 > 0.8
    # Importance against importance needs no attention: all four instances count.
    pair = summary.metrics["correlate.gradient~random.tau.mean"]
    assert pair.value == pytest.approx((-1 + 1 - 1 + 1) / 4)
    assert (pair.n, pair.undefined) == (4, 0)
    assert metrics["correlate.gradient~random.tau.significant"] == 1
    assert metrics["model.accuracy"] == pytest.approx(3 / 4)
    assert metrics["model.f1"] == pytest.approx(2 / 3)
    assert metrics["model.majority_accuracy"] == pytest.approx(1 / 2)
    assert any("Up to 1 of 4 texts gave no tau" in note for note in summary.notes)


def test_false_discoveries_are_controlled():
    """One significant instance in twenty: p 2/120 lies above .05 / 20."""
    rows = [record(0, UP, {"gradient": UP})]
    rows += [record(i, UP, {"gradient": SWAPPED}) for i in range(1, 20)]
    metrics = values(summarise(rows, CorrelateSettings(measures=("gradient",)), LABELS))
    assert metrics["correlate.gradient.tau.significant"] == pytest.approx(1 / 20)
    assert metrics["correlate.gradient.tau.significant_bh"] == 0


def test_share_of_top_words_is_rounded_up():
    rows = [record(0, [*UP, 6], {"gradient": [2, 1, 3, 4, 6, 5]})]
    for top, overlap, chance in ((0.01, 0, 1 / 6), (1 / 3, 1, 2 / 6), (0.34, 1, 3 / 6), (1, 1, 1)):
        settings = CorrelateSettings(measures=("gradient",), top=top)
        metrics = values(summarise(rows, settings, LABELS))
        assert metrics["correlate.gradient.top_overlap.mean"] == pytest.approx(overlap)
        assert metrics["correlate.gradient.top_overlap.chance"] == pytest.approx(chance)


def test_strata_by_predicted_class_and_length():
    rows = [
        record(0, [1, 2], {"gradient": [1, 2]}, p=0.9),
        record(1, UP, {"gradient": DOWN}, p=0.9),
        record(2, UP, {"gradient": SWAPPED}),
        record(3, list(range(9)), {"gradient": list(range(9))}),
    ]
    settings = CorrelateSettings(measures=("gradient",))
    tables = summarise(rows, settings, LABELS).tables
    table = tables["correlate.strata"]
    strata = dict(zip(table.columns, table.rows[0], strict=True))
    assert strata == {
        "": "gradient",
        "predicted bad": pytest.approx(0.9),
        "predicted good": pytest.approx(0),
        "short (2-5 words)": pytest.approx(0.8 / 3),
        "long (9-9 words)": pytest.approx(1),
    }
    detail = {row[0]: row[2:] for row in tables["correlate.strata_detail"].rows}
    assert detail["predicted good"] == [
        pytest.approx(0),
        pytest.approx(-0.9748, abs=1e-4),  # one of two, by Clopper and Pearson
        pytest.approx(0.9748, abs=1e-4),
        pytest.approx(math.sqrt(2)),
        0.5,
        2,
        0,
    ]
    assert detail["long (9-9 words)"] == [pytest.approx(1), None, None, None, 1.0, 1, 0]


def test_three_terciles_hold_every_instance_once():
    rows = [record(i, UP[:2] + [9] * i, {"gradient": UP[:2] + [8] * i}) for i in range(9)]
    table = summarise(rows, CorrelateSettings(measures=("gradient",)), LABELS).tables
    detail = [r for r in table["correlate.strata_detail"].rows if not r[0].startswith("predicted")]
    assert [r[0] for r in detail] == [
        "short (2-4 words)",
        "middle (5-7 words)",
        "long (8-10 words)",
    ]
    assert [r[7] + r[8] for r in detail] == [3, 3, 3]


IG = "integrated_gradients"


def integral(scores, *, gradients=29, error=1e-3, reason=None, tolerance=0.01):
    told = {
        "gradients": gradients,
        "tolerance": tolerance,
        "error": 0.004,
        "completeness_error": error,
    }
    if reason is not None:
        told["reason"], scores = reason, [None] * len(scores)
    return {"importance": {IG: scores}, "integration": {IG: told}}


def integrals(*given):
    return [{**record(i, UP, {}), **one} for i, one in enumerate(given)]


def test_integrals_say_what_they_took_and_which_are_undefined():
    rows = integrals(
        integral(UP, gradients=9, error=0.001),
        integral(DOWN, gradients=50, error=0.003),
        integral(UP, gradients=384, error=2.0, reason="not converged after 384 gradients"),
        integral(UP, gradients=9, error=None, reason="not finite"),
    )
    summary = summarise(rows, CorrelateSettings(measures=(IG,)), LABELS)
    found = summary.metrics
    complete = found[f"correlate.{IG}.completeness_error.mean"]
    assert complete.value == pytest.approx(0.002)  # of those that are defined
    assert (complete.n, complete.undefined) == (2, 2)
    assert found[f"correlate.{IG}.gradients.mean"].value == pytest.approx((9 + 50 + 384 + 9) / 4)
    assert found[f"correlate.{IG}.undefined"].value == 0.5
    assert found[f"correlate.{IG}.undefined"].n == 4
    for figure in ("tau.mean", "weighted_tau.mean", "top_overlap.mean", "tau.significant"):
        estimate = found[f"correlate.{IG}.{figure}"]
        assert (estimate.n, estimate.undefined) == (2, 2), figure
    assert found[f"correlate.{IG}.tau.mean"].value == pytest.approx(0)
    table = summary.tables["correlate.agreement"]
    assert "shown from one baseline only" in table.notes[-2]
    assert (table.columns[-1], table.rows[0][-1]) == ("undef", 2)
    assert table.notes[-1] == (
        "integrated_gradients: from zeros in place of the words; estimated error at most 0.01 "
        "of a text's largest score; 113.0 gradients for a text on average, at most 384; 2 of 4 "
        "texts undefined (1 not converged after 384 gradients) (1 not finite)."
    )
    for name, column in summary.columns.values.items():
        assert np.nanmean(column) == pytest.approx(found[name].value), name


def test_every_table_names_the_baselines(model, batches):
    found = made(model, batches())
    summary = summarise(found, settle(CorrelateSettings(), model), LABELS)
    for name in ("agreement", "reference", "strata", "strata_detail"):
        notes = " ".join(summary.tables[f"correlate.{name}"].notes)
        assert "integrated_gradients: from zeros in place of the words" in notes, name
        assert (
            "integrated_gradients_unknown: from the unknown word in place of every word" in notes
        ), name
    agreement = summary.tables["correlate.agreement"]
    assert not any("shown from one baseline only" in note for note in agreement.notes)
    plain = summarise(found, CorrelateSettings(measures=("gradient",)), LABELS)
    assert not any("zeros" in note for t in plain.tables.values() for note in t.notes)


def test_older_records_say_that_nobody_looked_whether_they_converged():
    rows = [
        record(i, UP, {IG: UP}, completeness_error=error) for i, error in enumerate((0.001, 0.003))
    ]
    settings = CorrelateSettings(measures=(IG,))
    summary = summarise(rows, settings, LABELS)
    found = values(summary)
    assert found[f"correlate.{IG}.completeness_error.mean"] == pytest.approx(0.002)
    assert f"correlate.{IG}.undefined" not in found
    assert f"correlate.{IG}.gradients.mean" not in found
    assert summary.tables["correlate.agreement"].notes[-1] == (
        "integrated_gradients: from zeros in place of the words; 12 fixed nodes, convergence not"
        " checked."
    )


def test_importances_that_are_undefined_throughout_give_a_reason():
    rows = integrals(*(integral(UP, reason="not converged") for _ in range(3)))
    summary = summarise(rows, CorrelateSettings(measures=(IG,)), LABELS)
    estimate = summary.metrics[f"correlate.{IG}.tau.mean"]
    assert (estimate.value, estimate.undefined) == (None, 3)
    assert "undefined" in estimate.reason
    assert summary.metrics[f"correlate.{IG}.completeness_error.mean"].value is None
    assert summary.metrics[f"correlate.{IG}.undefined"].value == 1


def test_a_text_at_the_cap_is_recorded_as_null_with_its_reason(model, batches, monkeypatch):
    monkeypatch.setattr(integrated_gradients, "TOLERANCE", 1e-13)
    monkeypatch.setattr(integrated_gradients, "MOST", 12)
    found = made(model.double(), batches(), measures=(IG, "random"))
    reasons = [r["integration"][IG].get("reason") for r in found]
    assert integrated_gradients.UNSETTLED in reasons
    for one, reason in zip(found, reasons, strict=True):
        assert one["importance"][IG].count(None) == (one["words"] if reason else 0)
        assert None not in one["importance"]["random"]
        assert json.loads(json.dumps(one, allow_nan=False)) == one


def test_constant_attention_gives_a_reason_and_never_nan(model, batches, vocabulary):
    model.attention = Uniform(model.encoder.width, False)
    # One word has several tokens, and so more weight: pieces all have the same.
    found = made(model, batches(pieces=True))
    summary = summarise(found, settle(CorrelateSettings(), model), LABELS)
    for name, estimate in summary.metrics.items():
        if name.startswith("correlate.") and "~" not in name and "chance" not in name:
            if name.endswith(("completeness_error.mean", ".gradients.mean", ".undefined")):
                continue
            assert estimate.value is None, name
            assert estimate.undefined == len(found)
            assert (
                "the same for all words" in estimate.reason or "fewer than two" in estimate.reason
            )
        for part in (estimate.value, estimate.ci_low, estimate.ci_high):
            assert part is None or math.isfinite(part)
    assert summary.metrics["correlate.gradient~leave_one_out.tau.mean"].value is not None
    cells = [c for t in summary.tables.values() for row in t.rows for c in row]
    assert not any(isinstance(c, float) and not math.isfinite(c) for c in cells)
    rows = summary.tables["correlate.agreement"].rows
    assert summary.tables["correlate.agreement"].columns[-1] == "undef"
    assert {row[-1] for row in rows} == {len(found)}


def test_an_undefined_importance_is_counted_not_averaged():
    """NaN, which the records hold as null, is a value that a model failed to give."""
    rows = [
        record(0, UP, {"gradient": [None] * 5}),
        record(1, UP, {"gradient": UP}),
        record(2, UP, {"gradient": FLAT}),
    ]
    summary = summarise(rows, CorrelateSettings(measures=("gradient",)), LABELS)
    mean = summary.metrics["correlate.gradient.tau.mean"]
    assert (mean.value, mean.n, mean.undefined) == (pytest.approx(1), 1, 2)


def test_groups_widen_the_interval():
    rng = np.random.default_rng(0)
    grouped, alone = [], []
    for group in range(12):
        importance = rng.permutation(6).tolist()
        for i in range(8):
            row = record(8 * group + i, list(range(6)), {"gradient": importance})
            alone.append(row)
            grouped.append({**row, "group": f"patient {group}"})
    settings = CorrelateSettings(measures=("gradient",))

    def width(rows):
        mean = summarise(rows, settings, LABELS).metrics["correlate.gradient.tau.mean"]
        return mean.ci_high - mean.ci_low

    assert width(grouped) > 2 * width(alone)


def test_instances_without_a_group_stand_alone():
    rng = np.random.default_rng(1)
    rows = [record(i, list(range(6)), {"gradient": rng.permutation(6).tolist()}) for i in range(40)]
    settings = CorrelateSettings(measures=("gradient",))
    alone = summarise(rows, settings, LABELS)
    one_pair = [{**r, "group": "pair"} if r["row"] < 2 else r for r in rows]
    paired = summarise(one_pair, settings, LABELS)
    singles = [{**r, "group": f"own {r['row']}"} for r in rows]
    assert summarise(singles, settings, LABELS) == alone
    assert paired != alone
    assert values(paired) == pytest.approx(values(alone))

    def width(summary):
        mean = summary.metrics["correlate.gradient.tau.mean"]
        return mean.ci_high - mean.ci_low

    assert width(paired) == pytest.approx(width(alone), rel=0.25)


def test_order_of_records_moves_no_figure_only_the_resamples(four):
    rows = [{**r, "row": i} for i, r in enumerate(four * 10)]
    one, other = (summarise(x, SETTINGS, LABELS) for x in (rows, rows[::-1]))
    assert values(one) == pytest.approx(values(other), nan_ok=False)
    for name, estimate in one.metrics.items():
        assert (estimate.n, estimate.undefined) == (
            other.metrics[name].n,
            other.metrics[name].undefined,
        )
        if estimate.ci_low is not None:
            assert estimate.ci_low == pytest.approx(other.metrics[name].ci_low, abs=0.1)
    assert summarise(iter(rows), SETTINGS, LABELS) == one


@pytest.mark.parametrize("classes", [2, 3])
def test_metrics_are_those_of_the_registry(model, batches, classes):
    model.mask_token = 1
    found = made(model, batches())
    if classes == 3:
        found = [{**r, "probs": [*r["probs"], 0.0]} for r in found]
    settings = settle(CorrelateSettings(), model)
    summary = summarise(found, settings, ("a", "b", "c")[:classes])
    registered = {
        name
        for spec in all_specs()
        for name in spec.names()
        if name.startswith(("correlate.", "model."))
        and "integrated_gradients_unknown" not in name  # there is a mask token instead
    }
    registered.remove("correlate.no_reading")  # attention weights are always there
    if classes == 3:
        registered.remove("model.auroc")
    of_texts = {name for name in summary.metrics if name.startswith(("attention.", "texts."))}
    assert set(summary.metrics) - of_texts == registered
    for name, estimate in summary.metrics.items():
        low, high = find(name).range
        if estimate.value is not None:
            assert low is None or estimate.value >= low
            assert high is None or estimate.value <= high


def test_a_single_instance_has_figures_but_no_intervals(four):
    summary = summarise(four[:1], SETTINGS, LABELS)
    mean = summary.metrics["correlate.gradient.tau.mean"]
    assert (mean.value, mean.ci_low) == (pytest.approx(1), None)
    assert mean.reason == "no interval: only one text gave a value"
    assert summary.metrics["correlate.gradient.tau.std"].value is None
    assert summary.tables["correlate.reference"].rows[1][1] == pytest.approx(-1)


def test_one_measure_needs_no_reference(four):
    rows = [{**r, "importance": {"gradient": r["importance"]["gradient"]}} for r in four]
    summary = summarise(rows, CorrelateSettings(measures=("gradient",)), LABELS)
    assert summary.tables["correlate.reference"].rows == []


def test_slow_measures_that_nobody_asked_for_are_named(model, batches):
    model.encode_locally = None
    settings = settle(CorrelateSettings(), model)
    assert settings.left_out == ("gradient_own_logit", "attention_null")
    summary = summarise(made(model, batches()), settings, LABELS)
    assert sum("gradient_own_logit and attention_null" in note for note in summary.notes) == 1
    assert not any("attention_null" in n for t in summary.tables.values() for n in t.notes)
    asked = settle(CorrelateSettings(measures=("random", "attention_null")), model)
    assert (asked.names, asked.left_out) == (("attention_null", "random"), ())
    assert not any(
        "Left out" in note
        for note in summarise(made(model, batches(), measures=asked.names), asked, LABELS).notes
    )


def test_heads_are_read_as_asked_for(summing):
    """Two heads, of weights 1/4, 3/4 and 1/2, 1/2."""
    model, batches = summing([((0.0, 0.0, 1.0), (math.log(3), 0.0, -1.0))])
    shown = {
        reading: made(model, batches, measures=("random",), reading=reading)[0]
        for reading in ("mean", "max", "head0", "head1")
    }
    for reading, attention in {
        "mean": [0.375, 0.625],
        "max": [0.4, 0.6],  # 1/2 and 3/4, renormalised
        "head0": [0.25, 0.75],
        "head1": [0.5, 0.5],
    }.items():
        assert shown[reading]["attention"] == pytest.approx(attention), reading
        assert shown[reading]["probs"] == shown["mean"]["probs"]
        assert shown[reading]["outside"] == pytest.approx(0)
