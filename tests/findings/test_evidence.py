from __future__ import annotations

from dataclasses import replace

import pytest

from attnaudit.findings.evidence import gather
from attnaudit.questions.runs import BASE, kind_of, read_runs


def record(row, run, split="test", gold=0, probs=(0.8, 0.2), jsd=0.1, tvd=0.2, **more):
    made = {"row": row, "id": f"text {row}", "run": {**run, "split": split}, "probs": list(probs)}
    made["attention"] = [0.6, 0.4]
    if run == {"model": "base"}:
        return {**made, "gold": gold, **more}
    return {**made, "gold": gold, "jsd": jsd, "tvd": tvd, **more}


BASE_RUN = {"model": "base"}


def records():
    """Two texts; the audited model and two seeds of it."""
    return [
        record(0, BASE_RUN, gold=1),
        record(1, BASE_RUN, gold=0, probs=(0.3, 0.7)),
        *(record(row, {"model": "seed", "seed": 4}, jsd=0.1 * row, tvd=0.5) for row in (0, 1)),
        *(record(row, {"model": "seed", "seed": 2}, probs=(0.1, 0.9)) for row in (0, 1)),
    ]


def test_a_kind_is_a_run_whatever_the_order():
    assert kind_of(b=1, a=2) == kind_of(a=2, b=1) == (("a", 2), ("b", 1))
    assert BASE == (("model", "base"),)


def test_records_become_columns():
    (split, runs), *rest = read_runs(records()).items()
    assert (split, rest) == ("test", [])
    assert (runs.ids, runs.gold, runs.groups) == (["text 0", "text 1"], [1, 0], [None, None])
    seed = kind_of(model="seed")
    assert runs.seeds(model="seed") == [2, 4]
    assert runs.seeds(model="uniform") == []
    assert runs.values(seed, [4, 2], "jsd").tolist() == [[0, 0.1], [0.1, 0.1]]
    assert runs.values(seed, [4], "tvd").tolist() == [[0.5, 0.5]]
    assert runs.probs(seed, [2]).tolist() == [[[0.1, 0.9]] * 2]
    assert runs.predicted(seed, [2, 4]).tolist() == [[1, 1], [0, 0]]
    assert runs.predicted(BASE, [0]).tolist() == [[0, 1]]


def test_even_odds_are_the_lower_class():
    runs = read_runs([record(0, BASE_RUN, probs=(0.5, 0.5))])["test"]
    assert runs.predicted(BASE, [0]).tolist() == [[0]]


def test_splits_are_told_apart():
    dev = [{**r, "run": {**r["run"], "split": "dev"}, "id": "d"} for r in records()]
    found = read_runs([*dev, *records()])
    assert found.keys() == {"dev", "test"}
    assert (found["dev"].ids, found["test"].ids) == (["d", "d"], ["text 0", "text 1"])
    assert found["dev"].models.keys() == found["test"].models.keys()


def test_a_training_that_diverged_is_left_out():
    run = {"lambda": 0.1, "seed": 3}
    gone = {"run": {**run, "split": "test"}, "row": 0, "id": "text 0", "diverged": True}
    runs = read_runs([*records(), gone, record(0, {**run, "seed": 1})])["test"]
    assert runs.seeds(**{"lambda": 0.1}, start="scratch") == [1]


def test_records_of_no_run_are_of_no_concern():
    single = {"row": 0, "id": "text 0", "gold": 1, "probs": [0.5, 0.5]}
    assert read_runs([single]) == {}


def test_seeds_that_all_kinds_have():
    runs = read_runs(
        [record(0, BASE_RUN)]
        + [record(0, {"guide": "a", "seed": seed}) for seed in (5, 1, 3)]
        + [record(0, {"guide": "b", "seed": seed}) for seed in (3, 5, 7)]
    )["test"]
    a, b = kind_of(guide="a"), kind_of(guide="b")
    assert runs.shared_seeds([a]) == [1, 3, 5]
    assert runs.shared_seeds([a, b]) == [3, 5]
    assert runs.shared_seeds([a, kind_of(guide="c")]) == []


def test_groups_are_drawn_as_a_whole():
    def units(*groups):
        made = [record(row, BASE_RUN, group=group) for row, group in enumerate(groups)]
        return read_runs(made)["test"].sample().units

    assert units("x", "x", "y", "x") == 2
    assert units("x", None, "x", None) == 3  # a text without a group stands for itself
    assert units(None, None, None) == 3
    assert read_runs(records())["test"].sample().units == 2


def test_resamples_are_the_same_for_every_figure(bench):
    runs = bench.of_seeds()
    values = [[float(row)] for row in range(200)]
    assert (runs.bootstrap().means(values) == runs.bootstrap().means(values)).all()
    assert (runs.bootstrap().means(values) != replace(runs, seed=1).bootstrap().means(values)).any()


@pytest.fixture
def headed(header):
    """A header of an audit, with facts of a trained model."""

    def make(audit, partial=False, **facts):
        described = {"labels": ["no", "yes"], **facts}
        return header.model_copy(
            update={
                "audit": audit,
                "model": header.model.model_copy(update=described),
                "dataset": header.dataset.model_copy(update={"partial": partial}),
            }
        )

    return make


def test_evidence_is_gathered_by_audit_and_split(headed):
    dev = [{**r, "run": {**r["run"], "split": "dev"}} for r in records()]
    found = gather(
        [
            (headed("correlate"), None),
            (headed("seed-baseline"), read_runs([*records(), *dev])),
            (headed("probe"), read_runs(dev)),
        ]
    )
    assert found.runs.keys() == {"seed-baseline", "probe"}
    assert (found.labels, found.audited, found.partial) == (["no", "yes"], "test", False)
    assert found.of("seed-baseline") is found.runs["seed-baseline"]["test"]
    assert found.of("seed-baseline", "dev") is found.runs["seed-baseline"]["dev"]
    assert found.of("probe") is None
    assert found.of("model-adversary") is found.of("correlate") is None


def test_an_adversary_of_instances_alone_is_no_evidence_of_models(headed):
    assert gather([(headed("instance-adversary"), None)]) is None


def test_one_partial_file_makes_it_partial(headed):
    files = [(headed("seed-baseline"), read_runs(records())), (headed("probe", partial=True), {})]
    assert gather(files).partial
    assert not gather(files[:1]).partial


def test_no_files_are_no_evidence():
    assert gather([]) is None


def test_the_scope_names_recipe_data_and_split(headed):
    recipe = {"encoder": "bilstm", "attention": "additive", "hidden": 128}
    found = gather([(headed("probe", recipe=recipe), {})])
    assert found.scope == (
        "model.pt (bilstm with additive attention) on test.jsonl, split test, 1,725 instances"
    )
    assert gather([(headed("probe"), {})]).scope == (
        "model.pt (this recipe) on test.jsonl, split test, 1,725 instances"
    )


def test_the_scope_names_the_repairs_of_the_recipe(headed):
    recipe = {"encoder": "orthogonal_bilstm", "attention": "additive"}
    repairs = {"conicity": 0.5, "tying": 0.1}
    found = gather([(headed("probe", recipe=recipe, repairs=repairs), {})])
    assert found.scope.startswith(
        "model.pt (orthogonal_bilstm with additive attention, repairs: conicity=0.5, tying=0.1) on"
    )
    tuned = {"kind": "transformer", "architecture": "Some", "repairs": repairs}
    scope = gather([(headed("probe", **tuned), {})]).scope
    assert "heads x tokens, repairs: conicity=0.5, tying=0.1) on" in scope


def test_the_scope_of_a_transformer_names_one_row_of_many_and_its_reserve(headed):
    facts = {
        "kind": "transformer",
        "architecture": "BertForSequenceClassification",
        "layers": 6,
        "heads": 12,
        "row": "[CLS]",
        "recipe": {"pretrained": "somewhere"},
    }
    found = gather([(headed("probe", **facts), {})])
    assert found.scope == (
        "model.pt (BertForSequenceClassification, [CLS] row of the last layer; the model has 6 "
        "layers x 12 heads x tokens) on test.jsonl, split test, 1,725 instances; its seeds "
        "share their pretrained weights, so models trained from scratch may agree less"
    )


def test_the_scope_names_the_site_where_there_are_several(headed):
    facts = {"kind": "transformer", "architecture": "Some", "layers": 6, "heads": 12, "row": "end"}
    found = gather([(headed("probe", **facts, site="self-attention of the row", one_row=True), {})])
    assert "(Some, self-attention of the row; the model has 6 layers x 12 heads x" in found.scope


def test_controls_are_those_of_the_audited_model():
    told = {"bypassed": True, "erased": {"tvd": 0.25, "flips": False}}
    made = records()
    made[1]["controls"] = told
    made[2]["controls"] = {"erased": {"tvd": 0.5, "flips": True}}
    assert read_runs(made)["test"].controls == [{}, told]


def test_supervised_recipes_are_known_by_their_header(headed):
    assert not gather([(headed("probe"), {})]).supervised
    assert gather([(headed("probe", supervised=True), {})]).supervised
    assert not gather([(headed("probe", supervised="yes"), {})]).supervised
