from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnaudit.questions import find_question
from attnaudit.questions.gallery import LEVELS, Gallery, Heatmap, Support, Weights
from attnaudit.questions.heatmaps import Chooser, Tokens, evenly, recorded_tokens
from attnaudit.report.heatmaps import caption, heading, remark
from attnaudit.report.heatmaps import chosen as chosen_words

LABELS = ("negative", "positive")


def record(row: int, attention: Sequence[float], **more: Any) -> dict[str, Any]:
    """A record of two classes that predicts the second."""
    return {
        "row": row,
        "id": f"text {row}",
        "gold": 0,
        "predicted": 1,
        "probs": [0.25, 0.75],
        "attention": list(attention),
        "tokens": [f"w{i}" for i in range(len(attention))],
        **more,
    }


def instance(row: int, jsd: float) -> dict[str, Any]:
    found = {"epsilon": 0.01, "jsd": jsd, "weights": [[0.0, 1.0], [1.0, 0.0]], "said": [0.3, 0.7]}
    return record(row, [0.9, 0.1], adversary=[found])


def run(row: int, jsd: float, tvd: float, **key: Any) -> dict[str, Any]:
    made = record(row, [0.2, 0.8], run={"split": "test", **key}, jsd=jsd, tvd=tvd)
    del made["tokens"]
    return made


class Source:
    """Records that count how often they are read from the start, and which are read again."""

    def __init__(self, records: Sequence[dict[str, Any]]) -> None:
        self.records, self.place = list(records), 0
        self.passes, self.again = 0, list[int]()

    def __iter__(self) -> Iterator[dict[str, Any]]:
        self.passes += 1
        for place, made in enumerate(self.records):
            self.place = place
            yield made

    def at(self, places: Iterable[int]) -> Iterator[dict[str, Any]]:
        for place in places:
            self.again.append(place)
            yield self.records[place]


def watched(
    sources: Mapping[str, Source], count: int = 5, tokens: Tokens = recorded_tokens
) -> Gallery:
    """Heatmaps from the records of each question."""
    chooser = Chooser(tokens)
    for name, source in sources.items():
        for _ in chooser.watch(find_question(name), "test", source, iter(source)):
            pass
    return chooser.gallery(count, LABELS)


def chosen(records: list[dict[str, Any]], count: int = 5, question: str = "correlate") -> Gallery:
    return watched({question: Source(records)}, count)


def test_instances_are_taken_at_even_steps_of_rank() -> None:
    scores = dict(enumerate([5.0, 1.0, 3.0, 2.0, 4.0]))
    assert evenly(scores, 0) == []
    assert evenly(scores, 1) == [2]
    assert evenly(scores, 2) == [1, 0]
    assert evenly(scores, 3) == [1, 2, 0]
    assert evenly(scores, 9) == [1, 3, 2, 4, 0]
    assert evenly({}, 3) == []


def test_equal_scores_go_by_place_in_the_data() -> None:
    assert evenly({3: 1.0, 1: 1.0, 2: 1.0}, 5) == [1, 2, 3]


@given(st.dictionaries(st.integers(0, 99), st.floats(0, 1)), st.integers(0, 12))
def test_choices_are_distinct_and_reach_from_end_to_end(
    scores: dict[int, float], count: int
) -> None:
    rows = evenly(scores, count)
    assert len(set(rows)) == len(rows) == min(count, len(scores))
    if len(rows) > 1:
        values = [scores[row] for row in rows]
        assert values == sorted(values)
        assert (values[0], values[-1]) == (min(scores.values()), max(scores.values()))


def test_the_scale_is_one_for_all_rows() -> None:
    first, second = Weights("attention", [0.5, 0.25, 0.25]), Weights("other", [0.0, 0.0, 1.0])
    heatmap = Heatmap("x", ["a", "b", "c"], 0, 0, [first, second])
    assert heatmap.levels(first) == [3, 1, 1]  # 2.5, 1.25 and 1.25 fifths, halves upwards
    assert heatmap.levels(second) == [0, 0, LEVELS]
    assert heatmap.numbered(first) == {0, 1, 2}
    assert heatmap.numbered(second) == {2}
    assert heatmap.moves(first) == [0, 0, 0]
    assert heatmap.moves(second) == [-1, -1, 1]


def test_weights_below_zero_have_the_ink_of_their_size() -> None:
    first, second = Weights("attention", [0.5, 0.5]), Weights("signed", [-1.0, 0.2])
    heatmap = Heatmap("x", ["a", "b"], 0, 0, [first, second])
    assert heatmap.levels(second) == [LEVELS, 1]
    assert heatmap.numbered(second) == {0, 1}
    assert heatmap.moves(second) == [-1, -1]


def test_no_ink_where_there_is_no_weight() -> None:
    row = Weights("attention", [0.0, 0.0])
    heatmap = Heatmap("x", ["a", "b"], 0, 0, [row])
    assert heatmap.levels(row) == [0, 0]
    assert heatmap.numbered(row) == set()


def test_attention_alone_is_ranked_by_its_largest_weight() -> None:
    gallery = chosen([record(0, [0.9, 0.1]), record(1, [0.6, 0.4]), record(2, [0.7, 0.3])], 2)
    assert [h.id for h in gallery.heatmaps] == ["text 1", "text 0"]
    assert gallery.of == 3
    assert "largest attention weight" in gallery.rule
    [row] = gallery.heatmaps[0].rows
    assert (row.name, row.weights, row.probs) == ("the model's attention", [0.6, 0.4], [0.25, 0.75])


def test_a_text_without_the_reading_is_not_chosen_but_may_be_asked_for() -> None:
    lacking = record(1, [0.5, 0.5], no_reading="a reason", words=2)
    lacking["attention"] = [None, None]
    source = Source([record(0, [0.9, 0.1]), lacking])
    assert [h.id for h in watched({"correlate": source}).heatmaps] == ["text 0"]
    chooser = Chooser(ids=["text 1"])
    for _ in chooser.watch(find_question("correlate"), "test", source, iter(source), "flow"):
        pass
    assert chooser.missing == []
    [heatmap] = chooser.gallery(0, LABELS).heatmaps
    assert heatmap.missing == ["No reading flow of this text: a reason."]


def test_two_readings_of_erase_count_support_once() -> None:
    chooser = Chooser(ids=["text 0"])
    for reading in ("mean", "norms"):
        source = Source([erased(row, "unsupported") for row in range(3)])
        for _ in chooser.watch(find_question("erase"), "test", source, iter(source), reading):
            pass
    gallery = chooser.gallery(0, LABELS)
    assert (gallery.judged, gallery.unsupported) == (3, 3)


def test_importances_stand_beside_attention_as_shares() -> None:
    scores = {"leave_one_out": [3.0, 1.0], "gradient": [None, 1.0], "random": [0.1, 0.9]}
    [heatmap] = chosen([record(0, [0.9, 0.1], importance=scores)]).heatmaps
    assert [row.name for row in heatmap.rows] == ["the model's attention", "leave one out"]
    assert heatmap.rows[1].weights == [0.75, 0.25]
    assert heatmap.rows[1].probs is None


def test_importances_show_their_sign() -> None:
    scores = {"leave_one_out": [3.0, 1.0], "gradient": [1.0, 3.0]}
    signs = {"leave_one_out": [-1, 1], "gradient": [0, -1]}
    [heatmap] = chosen([record(0, [0.9, 0.1], importance=scores, signs=signs)]).heatmaps
    assert [row.weights for row in heatmap.rows[1:]] == [[-0.75, 0.25], [0.25, -0.75]]


def test_the_adversary_of_an_instance() -> None:
    records = [instance(0, 0.1), instance(1, 0.6), instance(2, 0.3)]
    gallery = chosen(records, 2, "instance-adversary")
    assert [h.id for h in gallery.heatmaps] == ["text 0", "text 1"]
    heatmap = gallery.heatmaps[1]
    assert [row.name for row in heatmap.rows] == [
        "the model's attention",
        "other weights for the same answer (epsilon 0.01)",
    ]
    assert heatmap.rows[1].weights == [0.0, 1.0]
    assert heatmap.change(heatmap.rows[0]) is None
    assert heatmap.change(heatmap.rows[1]) == pytest.approx(-0.05)
    assert caption(heatmap, heatmap.rows[1], LABELS) == (
        "other weights for the same answer (epsilon 0.01), JSD 0.600, P(positive) 0.700,"
        " changed by -0.050"
    )
    assert heading(heatmap, LABELS) == "text 1: predicted positive (0.750), gold negative"


def test_the_retrained_adversary_that_moves_most_while_it_answers_alike() -> None:
    records = [record(row, [0.9, 0.1]) for row in (0, 1)]
    for strength, jsd, tvd in (
        (0, 0.01, 0.001),
        (0.001, 0.2, 0.01),
        (0.01, 0.4, 0.04),
        (1.0, 0.6, 0.3),
    ):
        records += [
            run(row, jsd + row / 100, tvd, seed=3, **{"lambda": strength}) for row in (0, 1)
        ]
    records.append(run(0, 0.69, 0.0, seed=9, split="dev", **{"lambda": 7.0}))
    gallery = chosen(records, 1, "model-adversary")
    assert "(lambda 0.01)" in gallery.rule
    [heatmap] = gallery.heatmaps
    assert [(row.name, row.jsd) for row in heatmap.rows[1:]] == [
        ("a model trained to attend to other words (lambda 0.01)", pytest.approx(0.41))
    ]


def test_without_a_cheap_adversary_the_least_dear_one() -> None:
    records = [record(0, [0.9, 0.1])]
    records += [run(0, 0.6, tvd, seed=0, **{"lambda": tvd}) for tvd in (0.3, 0.2, 0.4)]
    assert "(lambda 0.2)" in chosen(records, question="model-adversary").rule


def test_seeds_stand_in_where_there_is_no_adversary() -> None:
    base = record(0, [0.9, 0.1], run={"model": "base", "split": "test"})
    records = [base, *(run(0, 0.1 * seed, 0.0, model="seed", seed=seed) for seed in (4, 2))]
    records.append(run(0, 0.5, 0.0, model="uniform", seed=0))
    [heatmap] = chosen(records, question="seed-baseline").heatmaps
    assert [row.name for row in heatmap.rows] == [
        "the model's attention",
        "a model of the same recipe, seed 2",
    ]


def test_words_may_come_from_elsewhere() -> None:
    bare = record(0, [0.9, 0.1])
    del bare["tokens"]
    assert chosen([bare]).heatmaps == []
    gallery = watched({"correlate": Source([bare])}, 1, lambda r: ["a", f"b{r['row']}"])
    assert gallery.heatmaps[0].tokens == ["a", "b0"]


def test_words_that_do_not_go_with_the_weights_are_not_shown() -> None:
    assert chosen([record(0, [0.9, 0.1], tokens=["only one"])]).heatmaps == []


def test_records_pass_by_once_and_the_chosen_alone_are_read_again() -> None:
    source = Source([instance(row, row / 10) for row in range(9)])
    assert len(watched({"instance-adversary": source}, 3).heatmaps) == 3
    assert (source.passes, source.again) == (1, [0, 4, 8])


def test_an_instance_of_several_records_is_counted_once() -> None:
    records = [record(1, [0.6, 0.4]), record(3, [0.9, 0.1])]
    gallery = watched({"correlate": Source(records), "erase": Source(records)})
    assert ([h.id for h in gallery.heatmaps], gallery.of) == (["text 1", "text 3"], 2)


def test_the_order_of_the_files_decides_nothing() -> None:
    importances = {"gradient": [1.0, 3.0]}
    base = record(0, [0.9, 0.1], run={"model": "base", "split": "test"})
    sources = {
        "correlate": Source([record(0, [0.9, 0.1], importance=importances)]),
        "seed-baseline": Source([base, run(0, 0.2, 0.0, model="seed", seed=2)]),
        "instance-adversary": Source([instance(0, 0.3)]),
        "model-adversary": Source([base, run(0, 0.4, 0.0, seed=1, **{"lambda": 0.5})]),
    }
    one, other = watched(sources), watched(dict(reversed(sources.items())))
    assert one == other
    assert "by how far away other weights for the same answer are (JSD)" in one.rule
    assert [row.name for row in one.heatmaps[0].rows] == [
        "the model's attention",
        "other weights for the same answer (epsilon 0.01)",
        "a model trained to attend to other words (lambda 0.5)",
        "gradient",
    ]


def erased(row: int, status: str, attention: Sequence[float] = (0.9, 0.1)) -> dict[str, Any]:
    """A record of `erase` of which heatmaps want the support alone."""
    tvd, largest = {"unsupported": (0.004, 0.1), "supported": (0.5, 0.1)}.get(status, (None, None))
    found = {"status": status, "words": [0], "tvd": tvd, "largest": largest}
    return record(row, attention, support=found)


def test_support_comes_from_the_records_of_erase_whatever_else_is_shown() -> None:
    statuses = ("unsupported", "supported", "not_judged", "unsupported")
    sources = {
        "correlate": Source([record(row, [0.9, 0.1]) for row in range(4)]),
        "erase": Source([erased(row, status) for row, status in enumerate(statuses)]),
    }
    for order in (["correlate", "erase"], ["erase", "correlate"]):
        gallery = watched({name: sources[name] for name in order}, 3)
        assert (gallery.judged, gallery.unsupported) == (3, 2)  # of all texts, shown or not
        shown = {h.id: h.support for h in gallery.heatmaps}
        assert len(shown) == 3
        for name, support in shown.items():
            assert support is not None
            assert support.status == statuses[int(name.split()[1])]
        assert chosen_words(gallery).endswith(
            "Of 3 judged texts, 2 are not supported: there the answer depends on the "
            "highlighted words no more than on other words."
        )


def test_older_records_of_erase_and_other_questions_say_nothing_of_support() -> None:
    gallery = chosen([record(0, [0.9, 0.1])], question="erase")
    assert (gallery.judged, gallery.unsupported) == (0, 0)
    assert gallery.heatmaps[0].support is None
    assert remark(gallery.heatmaps[0]) is None
    assert "judged" not in chosen_words(gallery)


def test_the_support_of_another_reading_is_not_that_of_the_shown_attention() -> None:
    sources = {
        "correlate": Source([record(0, [0.9, 0.1])]),
        "erase": Source([erased(0, "unsupported", [0.5, 0.5])]),
    }
    [heatmap] = watched(sources).heatmaps
    assert heatmap.support is None


@pytest.mark.parametrize(
    ("support", "says"),
    [
        (None, None),
        (Support("supported", 1, 0.5, 0.1), None),
        (
            Support("unsupported", 1, 0.004, 0.1),
            "Not supported: setting the weight of the highlighted word (the word with the "
            "largest weight) to zero moves the answer no more than for other words (TVD 0.004; "
            "other words: up to 0.100).",
        ),
        (
            Support("unsupported", 3, 0.009, 0.001),
            "Not supported: setting the weights of the highlighted words (the 3 words with the "
            "largest weights) to zero hardly moves the answer (TVD 0.009).",
        ),
        (
            Support("not_judged", 1),
            "Not judged: the text has too few words to compare the highlighted words with others.",
        ),
    ],
)
def test_a_heatmap_carries_a_remark_unless_it_passed(support: Support | None, says: str) -> None:
    heatmap = Heatmap("x", ["a"], 0, 0, [Weights("attention", [1.0])], support)
    assert remark(heatmap) == says
