"""What predictors see, and how well they do on planted models."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from attnaudit.data.batch import collate
from attnaudit.execution.observer import Silent
from attnaudit.measures.rationales import agreement
from attnaudit.questions.rationalize import QUESTION
from attnaudit.questions.rationalize.make import MAKER, choosing
from attnaudit.questions.rationalize.make.arms import Arms
from attnaudit.questions.rationalize.make.choosing import random_rationales, rationales, texts_of
from attnaudit.questions.rationalize.settings import RationalizeSettings
from attnaudit.questions.rationalize.summarise import summarise
from attnaudit.questions.recording import Ledger
from attnaudit.records.fields import check
from attnaudit.running.rounds import record_rounds
from tests.notebook import Notebook

from .conftest import LABELS, SIZE, WORDS, by_place, by_word

ONE = RationalizeSettings(by=("mean",), count=1, seeds=1)


def recorded(retraining, settings=ONE):
    book = Notebook()
    record_rounds(MAKER.trains, retraining, Ledger("test"), settings, book, Silent())
    return list(book.records())


def test_a_rationale_that_leaks_by_position(planted):
    """The word is the same in all texts, so it says nothing; where it stands says all."""
    metrics = summarise(recorded(planted(by_place, "mark")), ONE, LABELS).metrics
    assert metrics["rationalize.mean.score"].value < 0.6
    assert metrics["rationalize.mean.positions_score"].value > 0.95
    assert metrics["rationalize.mean-positions.score_gap"].value < -0.35
    assert metrics["rationalize.mean.leak_gap"].value > 0.35
    assert metrics["rationalize.mean.token_f1"].value == 1  # people marked it


def test_a_rationale_that_holds_the_words_that_matter(planted):
    records = recorded(planted(by_word, "good", "bad"))
    for record in records:
        check(record, QUESTION.kind, None, None)
    metrics = summarise(records, ONE, LABELS).metrics
    assert metrics["rationalize.mean.score"].value > 0.95
    assert metrics["rationalize.random.score"].value < 0.75
    assert metrics["rationalize.mean.positions_score"].value < 0.75
    assert metrics["rationalize.mean-random.score_gap"].value > 0.25
    assert metrics["rationalize.mean-positions.score_gap"].value > 0.25
    assert metrics["rationalize.mean.token_f1"].value == 1
    assert metrics["rationalize.mean.iou_f1"].value == 1
    assert metrics["rationalize.random.token_f1"].value < 0.4
    assert metrics["rationalize.length.mean"].value == pytest.approx(1 / SIZE)


@pytest.fixture
def quick(planted):
    return planted(by_word, "good", "bad", epochs=1, count=64)


def of(retraining, split, words=None):
    """The texts of a split in one batch, or other texts in their place."""
    texts = retraining.splits[split].instances
    batch = collate(texts, WORDS, boundaries=True)
    return batch if words is None else batch.replace(words, WORDS.ids(("f0",))[0])


@pytest.mark.parametrize("form", ["top", "contiguous"])
@pytest.mark.parametrize("run", [{"sees": "rationale", "by": "mean"}, {"sees": "random"}])
def test_other_words_change_no_answer(quick, form, run):
    settings = RationalizeSettings(by=("mean",), form=form, share=0.4)
    arms, run = Arms(quick, settings, False), {**run, "seed": 3}
    model = arms.view(run)(quick.fresh(1).eval(), "test")
    chosen = arms.chosen("mean", "test") if "by" in run else arms.drawn(3, "test")
    batch = of(quick, "test")
    mask = torch.zeros_like(batch.content)
    mask[batch.content] = torch.tensor([bool(k) for one in chosen for k in ~one.kept])
    assert mask.any(1).all()
    changed = of(quick, "test", mask)
    assert not torch.equal(batch.ids, changed.ids)
    assert torch.equal(model(batch), model(changed))
    kept = of(quick, "test", batch.content & ~mask)
    assert not torch.equal(model(batch), model(kept))


def test_all_words_make_the_predictor_of_the_full_text(quick):
    """Bit for bit, as the recipe trains it with that seed."""
    records = recorded(quick, RationalizeSettings(by=("mean",), share=1.0, seeds=1))
    said = {
        sees: [r["probs"] for r in records if r["run"] == {**kind, "seed": 0, "split": "test"}]
        for sees, kind in (
            ("text", {"sees": "text"}),
            ("rationale", {"sees": "rationale", "by": "mean"}),
            ("random", {"sees": "random"}),
        )
    }
    assert said["text"] == said["rationale"] == said["random"]
    plain = quick.fresh(0)
    quick.learn(plain, 0, Silent(), "plain")
    probs = plain(of(quick, "test")).softmax(-1)
    torch.testing.assert_close(torch.tensor(said["text"]), probs, atol=1e-6, rtol=0)


def test_what_is_recorded_of_the_support_model(quick):
    settings = RationalizeSettings(by=("mean", "gradient"), share=0.3, seeds=1)
    records = [r for r in recorded(quick, settings) if r["run"].get("model") == "base"]
    by_row = {i.row: i for i in quick.splits["test"].instances}
    for record in (r for r in records if r["run"]["split"] == "test"):
        tokens = by_row[record["row"]].tokens
        found = record["rationales"]
        assert list(found) == ["mean", "gradient", "random"]
        assert found["mean"]["scores"] == pytest.approx(record["attention"])
        for name, one in found.items():
            assert len(one["chosen"]) == 2  # ceil(.3 * 6)
            if name != "random":
                least = min(one["scores"][k] for k in one["chosen"])
                rest = [s for k, s in enumerate(one["scores"]) if k not in one["chosen"]]
                assert least >= max(rest)
        assert {"good", "bad"} & {tokens[k] for k in found["mean"]["chosen"]}
        mask = [k in found["mean"]["chosen"] for k in range(SIZE)]
        people = [token in ("good", "bad") for token in tokens]
        expected = agreement(mask, found["mean"]["scores"], people)
        assert found["mean"]["agreement"] == pytest.approx(expected)
        assert expected["token_f1"] == pytest.approx(2 / 3)
        assert "scores" not in found["random"]
    dev = [r for r in records if r["run"]["split"] == "dev"]
    assert not any("scores" in one for r in dev for one in r["rationales"].values())


def test_random_words_differ_by_seed_split_and_text(quick):
    settings = RationalizeSettings(count=2)
    texts = {split: texts_of(quick, split, False) for split in ("dev", "test")}

    def drawn(split, seed):
        found = random_rationales(quick, split, settings, texts[split], seed)
        assert {int(one.kept.sum()) for one in found} == {2}
        return [one.kept.tolist() for one in found[:40]]

    assert drawn("dev", 1) == drawn("dev", 1)
    assert drawn("dev", 1) != drawn("dev", 2)
    assert drawn("dev", 1) != drawn("test", 1)
    assert len(set(map(tuple, drawn("dev", 1)))) > 5


def test_a_text_without_scores_keeps_its_last_words(quick, monkeypatch):
    compute = choosing.importances

    def undefined(request):
        found = compute(request)
        for scores in found.scores.values():
            scores[0] = float("nan")
        return found

    monkeypatch.setattr(choosing, "importances", undefined)
    settings = RationalizeSettings(by=("gradient",), count=2)
    found = rationales(quick, "dev", settings, "gradient", False)
    lost = [one for one in found if not one.defined]
    assert lost
    assert len(lost) < len(found)
    assert {tuple(one.kept.nonzero()[0]) for one in lost} == {(SIZE - 2, SIZE - 1)}


def test_a_word_goes_with_all_its_pieces(quick):
    """The unit is the word, unless pieces are asked for."""
    split = quick.splits["dev"]
    pairs = [replace(i, words=tuple(k // 2 for k in range(SIZE))) for i in split.instances]
    quick.splits["dev"] = replace(split, instances=pairs)
    for pieces, words in ((False, SIZE // 2), (True, SIZE)):
        texts = texts_of(quick, "dev", pieces)
        assert set(texts.counts.tolist()) == {words}
        found = rationales(quick, "dev", ONE, "mean", pieces)
        assert {len(one.kept) for one in found} == {words}
        removal = texts.rationale(found)
        left = SIZE - removal.removed[:, :SIZE].sum(1)
        assert set(left.tolist()) == {1 if pieces else 2}
        marked = texts.marked(found, (4, 5))
        assert set((SIZE - marked.removed[:, :SIZE].sum(1)).tolist()) == {words}
