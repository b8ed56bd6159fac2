from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from attnaudit.findings.assess import assess
from attnaudit.findings.basis import barrier, not_reproduced, unusable, useless
from attnaudit.findings.rules import Deltas
from attnaudit.measures.influence import f1_values
from attnaudit.measures.sample import Sample
from attnaudit.questions.runs import BASE, SEED
from attnaudit.questions.score_of_seeds import ScoreOfSeeds


def judge(bench, rule=barrier):
    return rule(bench.evidence(), bench.of_seeds())


def test_a_model_that_works_passes(bench):
    assert judge(bench) is None


def test_part_of_the_data_is_not_enough(bench):
    bench.partial = True
    assert judge(bench) == "Some rows were not audited, because of --limit."


@pytest.mark.parametrize(("rare", "passes"), [(49, False), (50, True)])
@pytest.mark.parametrize("which", [0, 1])
def test_fifty_of_the_rarest_class(bench, rare, passes, which):
    bench.gold = np.where(np.arange(200) < rare, which, 1 - which)
    said = judge(bench, unusable)
    name = ("no", "yes")[which]
    wanted = f"The class {name} has only 49 texts. Every class needs 50."
    assert said == (None if passes else wanted)


def test_a_class_that_never_occurs_is_the_rarest(bench):
    bench.labels = ("a", "b", "c")
    assert judge(bench) == "The class c has only 0 texts. Every class needs 50."


def test_one_group_has_no_interval(bench):
    bench.groups = ["the same"] * 200
    assert judge(bench) == "All texts belong to one group, so nothing shows how groups differ."


def test_a_constant_answer_is_not_beaten_by_itself(bench, models):
    bench.base = bench.seeds[0]
    runs = bench.of_seeds()
    runs.models[BASE][0].probs[:] = [[0.4, 0.6]] * 200
    said = useless(bench.evidence(), runs)
    assert said.startswith(
        "The model is not shown to be better than always answering one class, by macro-F1 (0.333"
    )
    assert said.endswith("always answering one class: 0.333).")


def shares(*counts):
    """Gold classes that occur so often."""
    return np.repeat(np.arange(len(counts)), counts)


@pytest.mark.parametrize("counts", [(500, 500), (900, 100), (700, 200, 100), (50, 50, 50, 850)])
def test_guessing_at_the_class_frequencies_has_a_macro_f1_of_one_over_the_classes(counts):
    gold, classes = shares(*counts), len(counts)
    random = np.random.default_rng(0)
    guesses = random.choice(gold, (2000, len(gold)))
    means = f1_values(gold, guesses, classes, macro=True).mean(1)
    assert abs(means.mean() - 1 / classes) < 4 * means.std() / 2000**0.5 + 1 / len(gold)
    # The best constant answer is never better than that.
    score = ScoreOfSeeds(gold, classes, Sample(len(gold)))
    share = max(counts) / sum(counts)
    assert score.constant().mean() == pytest.approx(2 * share / (1 + share) / classes)
    assert score.constant().mean() <= 1 / classes


@pytest.mark.parametrize(("wrong", "passes"), [(80, True), (88, False), (99, False)])
def test_random_guessing_is_beaten_by_interval(bench, models, wrong, passes):
    bench.base = models(wrong)[0]  # macro-F1 1 - wrong / 200, random guessing 1/2
    said = judge(bench, useless)
    assert (said is None) == passes
    if not passes:
        assert "not shown to be better than guessing at random, by macro-F1" in said
        assert said.endswith("; guessing at random: 0.500).")


def test_a_better_f1_with_a_ranking_by_chance(bench):
    """95 of 100 positives are found, each ranked below the 50 negatives taken for one."""
    runs = bench.of_seeds()
    positive, negative = [0.6] * 95 + [0.1] * 5, [0.9] * 50 + [0.4] * 50
    scores = np.stack([negative, positive], axis=1).ravel()  # classes in turn
    runs.models[BASE][0].probs[:] = np.stack([1 - scores, scores], axis=1).tolist()
    said = useless(bench.evidence(), runs)
    assert said.startswith(
        "The model is not shown to be better than ranking at random, by AUROC (0.475, 95 %"
    )
    assert said.endswith("; ranking at random: 0.500).")


def test_more_classes_are_ranked_by_one_against_the_rest(bench, models):
    bench.labels, bench.gold = ("a", "b", "c"), np.arange(198) % 3
    assert judge(bench) is None
    bench.base = models(150)[0]  # macro-F1 48 / 198, below random guessing
    assert "guessing at random: 0.333" in judge(bench, useless)
    bench.base = models(20)[0]
    runs = bench.of_seeds()
    said = np.array(runs.models[BASE][0].probs).argmax(1)
    # Right as before, but most sure of a class where it is wrong.
    sure = np.where(said == bench.gold, 0.34, 0.98)[:, None]
    runs.models[BASE][0].probs[:] = ((1 - sure) / 2 + (3 * sure - 1) / 2 * np.eye(3)[said]).tolist()
    assert useless(bench.evidence(), runs) is None  # one in ten is wrong
    said = np.where(np.arange(198) < 90, (bench.gold + 1) % 3, bench.gold)  # macro-F1 108 / 198
    sure = np.where(said == bench.gold, 0.34, 0.98)[:, None]
    runs.models[BASE][0].probs[:] = ((1 - sure) / 2 + (3 * sure - 1) / 2 * np.eye(3)[said]).tolist()
    # Of a class and the rest: 36 of 66 stand above 102 of 132, and 30 on a par with 30.
    auroc = (36 * 102 + 30 * 15) / (66 * 132)
    assert f"ranking at random, by AUROC ({auroc:.3f}" in useless(bench.evidence(), runs)


def test_another_score_does_not_lower_the_barrier(bench, models):
    """By F1 of class 1 alone, answering it always scores .667."""
    bench.base = models(90)[0]
    by_f1 = replace(bench.evidence(), score="f1")
    assert useless(by_f1, bench.of_seeds()) == judge(bench, useless)
    assert "macro-F1" in useless(by_f1, bench.of_seeds())


def test_five_seeds_are_needed(bench):
    bench.seeds = bench.seeds[:4]
    assert judge(bench) == "4 models of the recipe were trained with other seeds, but 5 are needed."
    bench.seeds = []
    assert judge(bench) == "0 models of the recipe were trained with other seeds, but 5 are needed."


def test_seeds_that_diverged_are_named(bench):
    runs = bench.of_seeds()
    del runs.models[SEED][3]
    runs.diverged[SEED] = {3}
    assert barrier(bench.evidence(), runs) == (
        "4 models of the recipe were trained with other seeds, but 5 are needed. The training "
        "of seed 3 diverged."
    )


def test_a_seed_that_repeats_the_audited_model_is_refused_by_name(bench, models):
    bench.seeds = [*bench.seeds[:4], models(20, jsd=0.0, tvd=0.0)[0]]
    assert judge(bench) == (
        "The audited model itself is among the models of other seeds: seed 5 repeats it. Run "
        "seed-baseline with the recipe and the seed with which the model was trained."
    )
    bench.seeds = [*bench.seeds[:4], models(20, jsd=0.0)[0]]  # attends alike, and answers otherwise
    assert judge(bench) is None


@pytest.mark.parametrize("wrong", [0, 60])
def test_seeds_that_score_otherwise_do_not_reproduce_the_model(bench, models, wrong):
    """Better or worse: the recipe that was trained is not the one that made the model."""
    bench.base = models(wrong)[0]
    bench.seeds = models(28, 29, 30, 31, 32)
    said = judge(bench, not_reproduced)
    assert said == (
        f"The recipe does not reproduce this model: its macro-F1 is {1 - wrong / 200:.3f}, but "
        "5 other seeds reach 0.850 on average."
    )


def test_seeds_that_spread_hold_the_model(bench, models):
    bench.base, bench.seeds = models(60)[0], models(10, 20, 30, 40, 50)
    assert judge(bench, not_reproduced) is None


def test_a_model_among_equals_is_reproduced(bench, models):
    bench.base, bench.seeds = models(20)[0], models(20, 20, 20, 20, 20)
    assert judge(bench, not_reproduced) is None


def test_seeds_that_agree_leave_the_sampling_of_texts(bench, models):
    bench.base, bench.seeds = models(22)[0], models(20, 20, 20, 20, 20)
    assert judge(bench, not_reproduced) is None  # .01 lower, on two texts
    bench.base = models(30)[0]
    assert "does not reproduce" in judge(bench, not_reproduced)


def test_seeds_no_better_than_guessing_reproduce_nothing(bench, models):
    """Their score spreads so widely that any would lie within."""
    bench.seeds = models(20, 20, 100, 150, 200)
    said = judge(bench)
    assert said.startswith(
        "The recipe does not reproduce this model: 5 other seeds are not shown to be better than"
    )


def test_groups_are_resampled_as_a_whole(bench, models):
    bench.base = models(75)[0]
    assert judge(bench, useless) is None
    bench.groups = [f"author {row // 25}" for row in range(200)]  # three of eight are all wrong
    assert "not shown to be better" in judge(bench, useless)


def reordered(runs, order):
    """The same models and texts with the classes in another order."""
    place = np.argsort(order)
    models = {
        kind: {
            seed: replace(one, probs=np.array(one.probs)[:, order].tolist())
            for seed, one in seeds.items()
        }
        for kind, seeds in runs.models.items()
    }
    return replace(runs, gold=place[runs.gold].tolist(), models=models)


def noisy(bench, counts, seed, share):
    """Models that answer with a random certainty, right in about a `share` of the texts."""
    random = np.random.default_rng(seed)
    bench.gold, bench.labels = shares(*counts), tuple("abcd"[: len(counts)])
    bench.uniform = bench.seeds
    runs = bench.of_seeds()
    for kind in runs.models:
        for columns in runs.models[kind].values():
            right = random.random(len(bench.gold)) < share
            answer = np.where(right, bench.gold, random.integers(0, len(counts), len(right)))
            logits = random.normal(size=(len(right), len(counts))) + 2 * np.eye(len(counts))[answer]
            probs = np.exp(logits)
            columns.probs[:] = (probs / probs.sum(1, keepdims=True)).tolist()
    return runs


@pytest.mark.parametrize(
    ("counts", "share"),
    [
        *(((150, 60), share) for share in (0.0, 0.15, 0.9)),
        # Three classes take longest, and all shares are met with two.
        *(pytest.param((210, 60, 60), share, marks=pytest.mark.whole) for share in (0.0, 0.15)),
        ((210, 60, 60), 0.9),
    ],
)
def test_the_order_of_the_classes_decides_nothing(bench, counts, share):
    runs = noisy(bench, counts, 0, share)

    def found(order):
        turned = replace(
            bench.evidence(),
            labels=tuple(bench.labels[c] for c in order),
            runs={"seed-baseline": {"test": reordered(runs, list(order))}},
        )
        return {name: (f.status, f.reason) for name, f in assess(turned, Deltas()).items()}

    own, *others = itertools.permutations(range(len(counts)))
    expected = found(own)
    assert all(found(order) == expected for order in others)


def test_three_unequal_classes_with_models_that_answer_the_commonest(bench):
    """Right in seven texts of ten, and no model at all."""
    runs = noisy(bench, (700, 200, 100), 0, 0.0)
    for kind in runs.models:
        for columns in runs.models[kind].values():
            columns.probs[:] = [[0.6, 0.3, 0.1]] * 1000
    said = barrier(bench.evidence(), runs)
    assert said.startswith("The model is not shown to be better than always answering one class")
