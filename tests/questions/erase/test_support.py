from __future__ import annotations

import json
import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from attnaudit.errors import InputError
from attnaudit.execution.observer import Silent
from attnaudit.measures.order import descending
from attnaudit.measures.sample import Sample
from attnaudit.questions.erase.beside import BESIDE
from attnaudit.questions.erase.make import records
from attnaudit.questions.erase.make.support import supports
from attnaudit.questions.erase.metrics import SPECS
from attnaudit.questions.erase.records import kind
from attnaudit.questions.erase.settings import EraseSettings
from attnaudit.questions.erase.support_rule import (
    DRAWS,
    ROUNDING,
    draw_count,
    draws_of,
    highlighted,
    judged,
    most_draws,
    most_highlighted,
)
from attnaudit.questions.erase.support_tables import (
    LISTED,
    support_columns,
    support_figures,
    support_tables,
)
from attnaudit.questions.gallery import Support
from attnaudit.records.fields import check
from attnaudit.records.metric import range_of
from attnaudit.report.layout import cut
from attnaudit.report.schema import TableData

LOG = math.log


def p(z):
    return 1 / (1 + math.exp(-z))


def support_of(model, known, seed=0, budget=4096):
    """Support with the words in the order of their attention."""
    counts = known.batch.word_counts.tolist()
    orders = [
        descending(known.on_words[b, :n].numpy(), np.random.default_rng(0))
        for b, n in enumerate(counts)
    ]
    return supports(model, known, orders, seed, budget)


def one_large(values, weight=3.0):
    """Tokens of weight 1, after one of `weight`, with these values."""
    return [(LOG(weight) if k == 0 else 0.0, z) for k, z in enumerate(values)]


# The rule


@given(st.lists(st.floats(0.001, 1), min_size=1, max_size=40))
def test_the_fewest_words_that_hold_half_are_highlighted_and_a_fifth_at_most(weights):
    weights = np.sort(np.array(weights) / sum(weights))[::-1]
    size = highlighted(weights)
    assert 1 <= size <= max(1, len(weights) // 5)
    if size < max(1, len(weights) // 5):
        assert weights[:size].sum() >= 0.5 - ROUNDING
    assert size == 1 or weights[: size - 1].sum() < 0.5


def test_how_many_words_are_highlighted():
    assert highlighted([1.0]) == 1
    assert highlighted([0.4, 0.4, 0.2]) == 1  # of three words no more
    assert highlighted([0.25] * 2 + [0.5 / 18] * 18) == 2  # half of it exactly
    assert highlighted([0.2, 0.2] + [0.6 / 18] * 18) == 4
    assert highlighted([1 / 50] * 50) == 10


@given(st.integers(2, 14), st.integers(1, 3), st.integers(0, 99))
def test_draws_are_different_and_all_where_there_are_few(words, chosen, seed):
    chosen = min(chosen, words - 1)
    others = np.arange(chosen, words) * 10
    found = draws_of(others, chosen, np.random.default_rng(seed))
    sets = [tuple(one) for one in found]
    assert len(set(sets)) == len(sets) == draw_count(words, chosen)
    assert all(tuple(sorted(set(one))) == one and len(one) == chosen for one in sets)
    possible = set(combinations(others.tolist(), chosen))
    assert set(sets) <= possible
    if len(possible) <= DRAWS:
        assert set(sets) == possible


@pytest.mark.parametrize("chosen", [1, 2])
def test_every_draw_is_as_likely(chosen):
    """20 draws of other words, of which 19 are taken: each is left out as often."""
    others, seen = (np.arange(20), 19) if chosen == 1 else (np.arange(8), 19)
    counts = dict.fromkeys(combinations(others.tolist(), chosen), 0)
    for seed in range(2000):
        for one in draws_of(others, chosen, np.random.default_rng(seed)):
            counts[tuple(one.tolist())] += 1
    low, high = binom.interval(1 - 1e-5, 2000, seen / len(counts))
    assert low <= min(counts.values())
    assert max(counts.values()) <= high


def test_texts_too_short_for_five_draws_have_none():
    assert [most_draws(words) for words in (1, 2, 5, 6, 9, 10, 19, 20, 500)] == [
        *(0, 0, 0, 5, 8),
        *(19, 19, 19, 19),
    ]
    assert [most_highlighted(words) for words in (1, 4, 5, 9, 10, 51)] == [1, 1, 1, 1, 2, 10]


def test_the_answer_must_move_by_more_than_any_draw_and_more_than_the_least():
    assert judged(0.3, 0.2) == "supported"
    assert judged(0.2, 0.3) == judged(0.2, 0.2) == judged(0.2, 0.2 - ROUNDING / 2) == "unsupported"
    assert judged(0.01, 0.0) == "unsupported"
    assert judged(0.0101, 0.0) == "supported"


# What is done to a model


@pytest.mark.parametrize("linear", [True, False])
def test_weights_are_zeroed_and_nothing_is_scaled_up(summing, known_of, linear):
    """Ten words, two of them highlighted: weight 1/4 on the first, 1/12 on each other."""
    model, batches = summing([one_large([8.0] + [-1.0] * 9)], bias=0.2, linear=linear)
    (found,) = support_of(model, known_of(model, batches))
    own = p(2 - 9 / 12 + 0.2)
    assert found["words"][0] == 0
    assert len(found["words"]) == 2
    assert found["draws"] == 19
    assert found["tvd"] == pytest.approx(abs(p(-8 / 12 + 0.2) - own), abs=1e-7)
    assert found["largest"] == pytest.approx(abs(p(2 - 7 / 12 + 0.2) - own), abs=1e-7)
    assert found["status"] == "supported"


@pytest.mark.parametrize("linear", [True, False])
def test_one_highlighted_word_in_closed_form(summing, known_of, linear):
    """Nine words: weight 3/11 on the first, 1/11 on each other."""
    model, batches = summing([one_large([5.5] + [-0.5] * 8)], bias=0.1, linear=linear)
    (found,) = support_of(model, known_of(model, batches))
    own = p(1.5 - 4 / 11 + 0.1)
    assert found["words"] == [0]
    assert found["draws"] == 8
    assert found["tvd"] == pytest.approx(abs(p(-4 / 11 + 0.1) - own), abs=1e-7)
    assert found["largest"] == pytest.approx(abs(p(1.5 - 3.5 / 11 + 0.1) - own), abs=1e-7)
    assert found["status"] == "supported"


def test_attention_beside_the_word_that_decides_is_unsupported(summing, known_of):
    model, batches = summing([one_large([0.0, 0, 0, 22.0, 0, 0, 0, 0, 0])])
    (found,) = support_of(model, known_of(model, batches))
    assert found["words"] == [0]
    assert found["tvd"] == pytest.approx(0, abs=1e-7)
    assert found["largest"] == pytest.approx(p(2) - 0.5, abs=1e-7)
    assert found["status"] == "unsupported"


def test_an_answer_that_hardly_moves_is_unsupported(summing, known_of):
    model, batches = summing([one_large([0.1] + [0.0] * 8)])
    (found,) = support_of(model, known_of(model, batches))
    assert found["largest"] == pytest.approx(0, abs=1e-9)
    assert 0 < found["tvd"] < 0.01
    assert found["status"] == "unsupported"


def test_all_pieces_of_a_word_go_in_all_heads(summing, known_of):
    """Word 1 has tokens 1 and 2; heads of weights (3, 3) and (2, 2) on them, 1 on the others."""
    tokens = [(0.0, 0.0, 1.0), (LOG(3), LOG(2), 6.0), (LOG(3), LOG(2), 3.0)]
    tokens += [(0.0, 0.0, 1.0)] * 5
    model, batches = summing([tokens], linear=False, words=[[0, 1, 1, 2, 3, 4, 5, 6]])
    (found,) = support_of(model, known_of(model, batches))
    both = 9 * 3 / 12 + 9 * 2 / 10  # of the two pieces in the two heads
    others = 6 / 12 + 6 / 10
    assert found["words"] == [1]
    assert found["draws"] == 6
    assert found["tvd"] == pytest.approx(p(both + others) - p(others), abs=1e-7)
    assert found["largest"] == pytest.approx(p(both + others) - p(both + others * 5 / 6), abs=1e-7)


def test_deleting_words_scales_up_what_remains(summing, known_of):
    """The model attends anew to a text without the word, so that the others get its weight."""
    model, batches = summing([one_large([5.5] + [-0.5] * 8)])
    (found,) = support_of(model, known_of(model, batches))
    own = p(1.5 - 4 / 11)
    assert found["deleted"]["tvd"] == pytest.approx(own - p(-0.5), abs=1e-7)
    assert found["deleted"]["largest"] == pytest.approx(p(1.65 - 3.5 / 10) - own, abs=1e-7)
    assert found["deleted"]["status"] == "supported"


def test_short_texts_are_not_judged_and_few_draws_are_all_used(summing, known_of):
    lengths = (1, 2, 5, 6, 12, 19, 20, 30)
    model, batches = summing([one_large([3.0] + [0.0] * (n - 1), weight=2.0 * n) for n in lengths])
    found = support_of(model, known_of(model, batches))
    assert [one["draws"] for one in found] == [0, 1, 4, 5, 11, 18, 19, 19]
    for n, one in zip(lengths, found, strict=True):
        for test in (one, one["random"], one["deleted"]):
            if n < 6:
                assert (test["tvd"], test["largest"], test["status"]) == (None, None, "not_judged")
            else:
                assert 0 <= test["tvd"] <= 1
                assert test["status"] in ("supported", "unsupported")
        assert one["words"] == [0]
        assert n < 6 or one["status"] == "supported"


def test_only_texts_that_are_too_short(summing, known_of):
    model, batches = summing([one_large([3.0]), one_large([1.0, 2.0])])
    assert [one["status"] for one in support_of(model, known_of(model, batches))] == [
        "not_judged"
    ] * 2


def test_a_random_heatmap_passes_as_often_as_it_holds_the_word_that_decides(summing, known_of):
    """One word of eight decides, and of twenty with four highlighted ones a fifth of choices."""
    few, many = 300, 200
    draw = np.random.default_rng(7)
    cues = [int(draw.integers(8)) for _ in range(few)]
    texts = [[(3.0 * (k == c), 9.0 * (k == c)) for k in range(8)] for c in cues]
    flat = [[(0.0, 60.0 * (k == 0)) for k in range(20)] for _ in range(many)]
    model, batches = summing(texts + flat)
    found = support_of(model, known_of(model, batches))
    assert all(one["status"] == "supported" for one in found[:few])
    assert all(len(one["words"]) == 4 for one in found[few:])
    for part, share in ((found[:few], 1 / 8), (found[few:], 4 / 20)):
        passed = sum(one["random"]["status"] == "supported" for one in part)
        low, high = binom.interval(1 - 1e-4, len(part), share)
        assert low <= passed <= high


def test_a_choice_among_words_that_are_alike_passes_once_in_twenty(summing, known_of):
    """Words of random effects and flat attention but for one: it is like the others."""
    draw = np.random.default_rng(3)
    texts = []
    for _ in range(400):
        values = draw.normal(size=25) * 20
        heavy = int(draw.integers(25))
        scores = [LOG(26.0) if k == heavy else 0.0 for k in range(25)]
        # The value makes up for the weight, so that each word has an effect of one law.
        texts.append([(s, z / math.exp(s)) for s, z in zip(scores, values, strict=True)])
    model, batches = summing(texts)
    found = support_of(model, known_of(model, batches))
    assert all(len(one["words"]) == 1 for one in found)
    passed = sum(one["status"] == "supported" for one in found)
    low, high = binom.interval(1 - 1e-4, len(found), 1 / 20)
    assert low <= passed <= high


def test_neither_the_batch_nor_the_budget_matters_and_the_seed_does(summing, known_of):
    draw = np.random.default_rng(1)
    texts = [[tuple(draw.normal(size=3) * 2) for _ in range(n)] for n in (3, 25, 8, 12, 40)]
    settings = EraseSettings(measures=("random",), optimum_items=0)
    by_budget = []
    for budget in (1, 60, 10**6):
        model, batches = summing(texts, linear=False, budget=budget)
        made = [r for part in records(model, batches, settings, Silent()) for r in part]
        by_budget.append([r["support"] for r in sorted(made, key=lambda r: r["row"])])
    for one, *others in zip(*by_budget, strict=True):
        for other in others:
            for mine, theirs in (
                (one, other),
                *((one[k], other[k]) for k in ("random", "deleted")),
            ):
                assert mine["status"] == theirs["status"]
                assert mine["tvd"] == pytest.approx(theirs["tvd"], abs=1e-9)
                assert mine["largest"] == pytest.approx(theirs["largest"], abs=1e-9)
            assert (one["words"], one["draws"]) == (other["words"], other["draws"])
    model, batches = summing(texts, linear=False)
    known = known_of(model, batches)
    again, anew = (support_of(model, known, seed) for seed in (0, 1))
    assert [r["random"] for r in again] != [r["random"] for r in anew]
    assert [r["tvd"] for r in again] == [r["tvd"] for r in anew]
    assert again == support_of(model, known, 0, budget=1)  # variants in several calls


# Records, metrics and tables


def test_records_go_through_the_schema_and_hold_no_words(summing):
    model, batches = summing([one_large([3.0] + [0.0] * (n - 1)) for n in (2, 9, 30)])
    settings = EraseSettings(measures=("random",), optimum_items=0)
    for part in records(model, batches, settings, Silent()):
        for record in part:
            check(json.loads(json.dumps(record, allow_nan=False)), kind, None, None)
            assert "tokens" not in record
            names = batches.instances[record["row"]].tokens
            assert not any(f'"{name}"' in json.dumps(record) for name in names)


def test_a_record_whose_figures_do_not_go_with_its_draws_is_refused(summing):
    model, batches = summing([one_large([3.0] + [0.0] * 8)])
    settings = EraseSettings(measures=("random",), optimum_items=0)
    [[record]] = list(records(model, batches, settings, Silent()))
    for change in ({"draws": 4}, {"tvd": None}, {"status": "not_judged"}, {"words": [9]}):
        changed = {**record, "support": {**record["support"], **change}}
        with pytest.raises(InputError, match="is not a record of this kind"):
            check(changed, kind, None, None)
    check({k: v for k, v in record.items() if k != "support"}, kind, None, None)


def support(status, deleted="supported", random="unsupported", draws=19):
    known = status != "not_judged"

    def test(status):
        figures = {"supported": (0.5, 0.1), "unsupported": (0.005, 0.1)}
        tvd, largest = figures.get(status, (None, None))
        return {"tvd": tvd, "largest": largest, "status": status}

    return {
        "words": [0],
        "draws": draws if known else 2,
        **test(status),
        "random": test(random if known else status),
        "deleted": test(deleted if known else status),
    }


def summed(found):
    made = [{} if one is None else {"support": one} for one in found]
    columns, figures = support_columns(made), support_figures(made)
    metrics = Sample(len(made)).means(columns, lambda name: range_of(SPECS, name))
    ids = [f"text {row}" for row in range(len(made))]
    return metrics, support_tables(metrics, columns, figures, ids)


def test_shares_are_of_judged_texts_with_exact_intervals():
    found = [support("unsupported", deleted="unsupported", draws=9), *[support("supported")] * 7]
    metrics, tables = summed([*found, support("not_judged"), None])
    share = metrics["erase.unsupported.attention"]
    assert (share.value, share.n, share.undefined) == (1 / 8, 8, 2)
    assert share.ci_low == pytest.approx(0.00316, abs=1e-5)  # Clopper and Pearson, 1 of 8
    assert share.ci_high == pytest.approx(0.52651, abs=1e-5)
    assert metrics["erase.unsupported.random"].value == 1
    assert metrics["erase.unsupported.random"].ci_low < 0.7
    assert metrics["erase.unsupported.deleted"].value == 1 / 8
    assert metrics["erase.unsupported.not_judged"].value == 1 / 9
    table = tables["erase.unsupported"]
    chance = next(row for row in table.rows if row[0] == "expected for a word like the others")
    assert chance[1] == pytest.approx((0.9 + 7 * 0.95) / 8)
    assert any(note.startswith("1 judged text has fewer than 19") for note in table.notes)
    assert tables["erase.unsupported_texts"].rows == [["text 0", 1, 0.005, 0.1, 9]]


def test_texts_that_are_all_too_short_leave_no_share():
    metrics, tables = summed([support("not_judged")] * 3)
    assert metrics["erase.unsupported.attention"].value is None
    assert metrics["erase.unsupported.not_judged"].value == 1
    assert list(tables) == ["erase.unsupported"]


def test_older_records_have_no_columns():
    assert support_columns([{}, {}]) == {}


def test_the_table_holds_all_unsupported_texts_and_shows_the_first():
    _, tables = summed([support("unsupported")] * (LISTED + 3))
    table = tables["erase.unsupported_texts"]
    whole = TableData(
        title=table.title,
        columns=list(table.columns),
        rows=[list(row) for row in table.rows],
        notes=list(table.notes),
        shown=table.shown,
    )
    assert len(whole.rows) == LISTED + 3
    shown = cut(whole)
    assert shown.rows == whole.rows[:LISTED]
    assert shown.notes[-1] == "3 more rows: the JSON report has all of them."
    assert cut(shown.model_copy(update={"notes": []})).notes == []


def test_what_a_heatmap_is_told():
    assert BESIDE.support({}) is None
    assert BESIDE.support({"support": support("unsupported")}) == Support(
        "unsupported", 1, 0.005, 0.1
    )
    assert BESIDE.support({"support": support("not_judged")}) == Support("not_judged", 1)
