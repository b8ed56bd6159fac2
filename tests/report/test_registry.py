from __future__ import annotations

import re
from itertools import combinations

import pytest

from attnaudit.errors import InputError
from attnaudit.importance import IMPORTANCES
from attnaudit.records.metric import OPEN, PLACEHOLDERS, MetricSpec
from attnaudit.report.registry import all_specs, find, require


def pattern_regex(pattern: str) -> re.Pattern[str]:
    """An oracle of its own: the pattern with each placeholder as an alternation."""
    parts = re.split(r"\{(.+?)\}", pattern)
    literal = [re.escape(part) for part in parts[::2]]
    choices = ["(" + "|".join(PLACEHOLDERS[key]) + ")" for key in parts[1::2]] + [""]
    return re.compile("".join(a + b for a, b in zip(literal, choices, strict=True)))


def test_every_name_belongs_to_exactly_one_family() -> None:
    names = [name for spec in all_specs() for name in spec.names()]
    assert len(names) == len(set(names))
    closed = [s for s in all_specs() if not OPEN.keys() & set(s.keys)]
    for name in names:
        matching = [s for s in closed if pattern_regex(s.pattern).fullmatch(name)]
        assert matching == [find(name)]


def test_numbers_in_a_name_stand_as_python_prints_them() -> None:
    spec = MetricSpec("a[lambda={lambda}].f1", "A figure.", "fraction", "higher", 2, (0, 1))
    assert list(spec.names()) == []
    for name in ("a[lambda=0.001].f1", "a[lambda=0.0].f1", "a[lambda=1e-05].f1"):
        assert spec.matches(name)
    for name in ("a[lambda=1e-3].f1", "a[lambda=0].f1", "a[lambda=x].f1", "a[lambda=0.1].f2"):
        assert not spec.matches(name)


def test_the_names_that_policies_rely_on() -> None:
    statistics = [
        "tau.mean",
        "tau.std",
        "tau.significant",
        "tau.significant_bh",
        "weighted_tau.mean",
        "top_overlap.mean",
        "top_overlap.chance",
    ]
    expected = {
        *(f"train.{s}.{m}" for s in ("dev", "test") for m in ("accuracy", "f1", "auroc")),
        *(f"model.{m}" for m in ("accuracy", "f1", "auroc", "majority_accuracy")),
        *("attention.outside", "texts.too_short_for_tau"),
        *(f"correlate.{i}.{s}" for i in IMPORTANCES for s in statistics),
        *(
            f"correlate.{a}~{b}.tau.{s}"
            for a, b in combinations(IMPORTANCES, 2)
            for s in ("mean", "std", "significant")
        ),
        *(
            f"correlate.integrated_gradients{baseline}.{figure}"
            for baseline in ("", "_unknown", "_mask")
            for figure in ("completeness_error.mean", "gradients.mean", "undefined")
        ),
        "permute.tvd.median",
        "permute.tvd.mean",
        "permute.unmoved",
        "permute.conicity.mean",
        "permute.all_erased.tvd.mean",
        "manipulation.adversary_excess_jsd",
        "manipulation.units_excess_jsd",
        *(
            f"adversary.instance.{s}"
            for s in (
                "jsd.mean",
                "relative_mean",
                "upper.mean",
                "no_alternative",
                "tvd.mean",
                "logit_change.mean",
                "exact",
            )
        ),
        *(f"adversary.search.{s}" for s in ("jsd.mean", "feasible")),
        "adversary.model.area",
        *(f"seed_baseline.jsd.{s}_over_seeds" for s in ("mean", "median", "max")),
        *(f"seed_baseline.{s}" for s in ("tvd.mean", "flips", "f1.mean", "f1.std")),
        *(f"seed_baseline.score.{s}" for s in ("mean", "std")),
        *(
            f"seed_baseline.control.{control}.{s}"
            for control in ("erased", "uniform_layers")
            for s in ("tvd.mean", "flips")
        ),
        *(f"seed_baseline.{kind}_jsd.mean" for kind in ("uniform", "permuted")),
        *(f"necessity.{s}" for s in ("score_gap", "peaked_gap")),
        *(f"necessity.{kind}_score.mean" for kind in ("learned", "uniform", "peaked")),
        *(
            f"necessity.{kind}_{s}"
            for kind in ("random", "reordered")
            for s in ("gap", "score.mean")
        ),
        *(f"erase.rightness.auroc.{s}" for s in ("attention", "uniform", "confidence")),
        *(
            f"probe.base-{other}.score_gap"
            for other in ("uniform", "trained", "shuffled", "untrained", "position")
        ),
        "probe.trained-uniform.score_gap",
        *(f"probe.{arm}.score" for arm in ("removed_attended", "removed_other")),
        *("probe.leak.score_gap", "probe.leak.whole"),
        *(f"stability.{s}" for s in ("s", "kappa", "top_agreement.mean")),
        *(f"stability.{s}" for s in ("jsd.mean", "shuffled_jsd.mean")),
        *(f"adversary.model[jsd={jsd}].tvd" for jsd in (0.2, 0.3, 0.4)),
        *(f"erase.single.{s}" for s in ("jsd_difference.mean", "negative", "negative_large_gap")),
        *(f"heads.ablation.{c}" for c in ("tvd.mean", "flips.mean", "needed")),
        *(
            f"heads.pruning.{what}.{order}"
            for what in ("half", "area")
            for order in ("gradient", "gradient_code", "greedy", "random")
        ),
        "heads.pruning.gain",
        *(f"heads.{what}.mean" for what in ("confidence", "entropy", "special", "first")),
        *(f"heads.identifiable.{by}" for by in ("cosine", "l2")),
        *(f"heads.own.{form}" for form in ("jacobian", "proxy")),
        *(f"heads.knockout.{n}" for n in ("special", "first", "top", "random", "words")),
        *(f"identify.freedom.{n}.mean" for n in ("values", "output", "producible")),
        *(f"identify.unique.{n}" for n in ("detached", "producible")),
        *(f"identify.{n}.mean" for n in ("identified", "least_norm.jsd", "answers.tvd")),
        *(f"identify.{n}.mean" for n in ("necessary", "dispensable", "width", "support")),
        *(f"identify.others.{n}" for n in ("share", "jsd.mean", "unsolved")),
        "identify.answers.flips",
        *(
            f"ladder.{rung}.{figure}"
            for rung in ("weights", "query", "state", "word_embeddings", "parameters")
            for figure in ("jsd.mean", "relative_mean", "found", "tvd.mean")
        ),
        *(f"ladder.{r}.outside.mean" for r in ("weights", "query", "state", "word_embeddings")),
        *("ladder.weights.upper.mean", "ladder.weights.exact"),
        *(
            f"patterns.share.{guide}.{level}"
            for guide in ("influence", "attention_greedy", "attention_best", "random")
            for level in ("positions", "heads")
        ),
        *(f"patterns.overlap.{g}" for g in ("attention_greedy", "attention_best", "random")),
        *(
            f"patterns.ablation.{kept}.{level}.{figure}"
            for kept in (
                *("influence", "attention_greedy", "attention_best", "random"),
                *("positive", "negative", "nothing"),
            )
            for level in ("positions", "heads")
            for figure in ("tvd", "flips")
        ),
        *(f"patterns.{n}.mean" for n in ("past", "conservation", "pairs", "completeness")),
        *(f"rationalize.{n}" for n in ("full.score", "random.score", "length.mean")),
        *(
            f"rationalize.random.{figure}"
            for figure in ("token_f1", "iou_f1", "auprc", "auprc_trapezoidal")
        ),
        *(
            f"deceive.audited.{n}"
            for n in (
                *("mass", "use", "score", "deleted.score", "zeroed.score", "renormalised.score"),
                *("deleted.tvd", "zeroed.tvd", "renormalised.tvd", "left_out"),
                *("norms.embedding", "norms.value"),
            )
        ),
        *("deceive.floor.score", "deceive.places", "deceive.largest.mass", "deceive.largest.use"),
        "permute.uniform_layers.tvd.mean",
        *(
            f"compare_readings.{operator}.{figure}.{measure}"
            for operator in ("delete", "mask", "weight")
            for figure in ("comprehensiveness", "sufficiency", "gain", "flip_fraction", "naopc")
            for measure in IMPORTANCES
        ),
        *(
            f"compare_readings.{softness}.normalised_{kind}.{measure}"
            for softness in ("soft", "even")
            for kind in ("comprehensiveness", "sufficiency")
            for measure in IMPORTANCES
        ),
        *(f"compare_readings.{operator}.range" for operator in ("delete", "mask", "weight")),
        *(
            f"compare_readings.{figure}.{measure}"
            for figure in ("tau", "token_f1", "auprc")
            for measure in IMPORTANCES
        ),
        *(f"erase.single.flips.{c}" for c in ("both", "top_only", "random_only", "neither")),
        "erase.single.spearman",
        *(f"erase.unsupported.{s}" for s in ("attention", "random", "deleted", "not_judged")),
        *(f"{test}.no_reading" for test in ("correlate", "erase")),
        "erase.all.tvd.mean",
        "erase.all.flips",
        "erase.residual_ratio.mean",
        "erase.single.mcnemar_p",
        *(
            f"erase.{s}.{c}"
            for s in ("flip_fraction", "never_flips")
            for c in ("attention", "gradient", "attention_gradient", "random", "optimum")
        ),
        *(
            f"{s}.{ranking}"
            for s in (
                "erase.comprehensiveness",
                "erase.sufficiency",
                "plausibility.token_f1",
                "plausibility.iou_f1",
                "plausibility.auprc",
                "plausibility.auprc_trapezoidal",
            )
            for ranking in ("attention", *IMPORTANCES)
        ),
    }
    assert {name for spec in all_specs() for name in spec.names()} == expected


def test_the_order_of_importances() -> None:
    assert list(IMPORTANCES) == [
        "gradient",
        "gradient_flowing",
        "gradient_l2",
        "attention_gradient",
        "gradient_own_logit",
        "attention_null",
        "leave_one_out",
        "leave_one_out_mask",
        "integrated_gradients",
        "random",
        "integrated_gradients_unknown",
        "integrated_gradients_mask",
    ]


@pytest.mark.parametrize(
    ("name", "direction"),
    [
        ("correlate.leave_one_out.tau.mean", "higher"),
        ("correlate.random.tau.mean", "neutral"),
        ("correlate.attention_null.tau.significant", "neutral"),
        ("correlate.gradient.top_overlap.chance", "neutral"),
        ("correlate.gradient~leave_one_out.tau.mean", "neutral"),
        ("correlate.integrated_gradients.completeness_error.mean", "lower"),
        ("correlate.integrated_gradients_mask.undefined", "lower"),
        ("correlate.integrated_gradients_unknown.gradients.mean", "neutral"),
        ("train.test.f1", "higher"),
        ("model.majority_accuracy", "neutral"),
    ],
)
def test_directions(name: str, direction: str) -> None:
    assert require(name).direction == direction


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("correlate.gradient.tau.men", "correlate.gradient.tau.mean"),
        ("correlate.leave_one_out~gradient.tau.mean", "correlate.gradient~leave_one_out.tau.mean"),
        ("model.acuracy", "model.accuracy"),
    ],
)
def test_an_unknown_name_is_met_with_the_nearest(wrong: str, right: str) -> None:
    assert find(wrong) is None
    with pytest.raises(InputError, match=re.escape(f"did you mean '{right}'?")) as caught:
        require(wrong, "policy.yaml", 7)
    assert str(caught.value).startswith(f"policy.yaml:7: unknown metric '{wrong}'")


def test_facts_are_sound() -> None:
    for spec in all_specs():
        low, high = spec.range
        assert low is None or high is None or low < high
        assert spec.least_n > 1
        assert spec.definition.endswith(".")
        assert spec.formula
        assert spec.traps.endswith(".")
        assert spec.source
        assert spec.beside


def test_attributions_have_names_that_no_slip_can_be() -> None:
    families = {
        "correlate.shap.tau.mean": "correlate.{attribution}.tau.mean",
        "correlate.gradient~shap.tau.std": "correlate.{first}~{attribution}.tau.std",
        "correlate.lime~shap.tau.mean": "correlate.{first}~{attribution}.tau.mean",
        "erase.comprehensiveness.shap": "erase.comprehensiveness.{attribution}",
        "plausibility.token_f1.shap": "plausibility.token_f1.{attribution}",
        "correlate.gradient.tau.mean": "correlate.{importance}.tau.mean",
        "correlate.random.tau.mean": "correlate.{control}.tau.mean",
        "correlate.gradient~random.tau.mean": "correlate.{a~b}.tau.mean",
    }
    for name, pattern in families.items():
        assert require(name).pattern == pattern
    assert require("correlate.shap.tau.mean").direction == "higher"
    for name in (
        "correlate.gradint.tau.mean",
        "correlate.shap~lime.tau.mean",
        "correlate.shap~gradient.tau.mean",
        "correlate.gradint~shap.tau.mean",
        "correlate.SHAP.tau.mean",
        "correlate.shap.tau.men",
        "erase.sufficiency.gradients",
        "erase.flip_fraction.shap",
    ):
        assert find(name) is None
