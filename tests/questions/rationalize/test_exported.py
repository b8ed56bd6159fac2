"""Rationales as predictions of ERASER, and how its evaluation scores them: worked by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest

from attnaudit.data.spaced import Spaced
from attnaudit.measures.rationales import iou_f1, token_f1, trapezoidal_auprc
from attnaudit.questions.rationalize.make.exported import export, prediction

LABELS = ("NEG", "POS")


def text(count, *touched, row=0, group=None):
    first, stop = np.array(touched).T
    return Spaced(row, f"text {row}", group, count, first, stop)


def support(chosen, scores, row=0, **more):
    told = {"chosen": chosen, "scores": scores}
    run = {"model": "base", "split": "test"}
    words = len(scores or [0] * 3)
    return {"run": run, "row": row, "words": words, "rationales": {"mean": told}, **more}


def hard(line):
    return [
        (span["start_token"], span["end_token"])
        for span in line["rationales"][0]["hard_rationale_predictions"]
    ]


def test_words_that_are_tokens():
    each = text(4, (0, 1), (1, 2), (2, 3), (3, 4), group="doc")
    line = prediction(support([0, 1, 3], [0.4, 0.3, 0.1, 0.2]), "mean", each, LABELS, [0.3, 0.7])
    assert line == {
        "annotation_id": "text 0",
        "rationales": [
            {
                "docid": "doc",
                "hard_rationale_predictions": [
                    {"start_token": 0, "end_token": 2},
                    {"start_token": 3, "end_token": 4},
                ],
                "soft_rationale_predictions": [0.4, 0.3, 0.1, 0.2],
            }
        ],
        "classification": "POS",
        "classification_scores": {"NEG": 0.3, "POS": 0.7},
    }


def test_a_token_has_the_best_of_its_words():
    """`film.` is two words and one token; `a` has no word behind the cut."""
    each = text(4, (0, 1), (1, 2), (1, 2))
    line = prediction(support([2], [0.1, 0.2, 0.7]), "mean", each, LABELS, None)
    assert hard(line) == [(1, 2)]
    assert line["rationales"][0]["soft_rationale_predictions"] == [0.1, 0.7, 0.0, 0.0]
    assert line["rationales"][0]["docid"] == "text 0"
    assert "classification" not in line


def test_words_out_of_reach_shift_the_numbers():
    each = text(5, *((k, k + 1) for k in range(5)))
    line = prediction(support([1], [0.1, 0.9], reach=(3, 5)), "mean", each, LABELS, None)
    assert hard(line) == [(4, 5)]
    assert line["rationales"][0]["soft_rationale_predictions"] == [0, 0, 0, 0.1, 0.9]


def test_undefined_scores_are_0():
    line = prediction(support([1, 2], None), "mean", text(3, (0, 1), (1, 2), (2, 3)), LABELS, None)
    assert hard(line) == [(1, 3)]
    assert line["rationales"][0]["soft_rationale_predictions"] == [0, 0, 0]


def test_the_first_predictor_answers(tmp_path):
    def said(seed, probs, **run):
        run = {"sees": "rationale", "by": "mean", **run, "seed": seed, "split": "test"}
        return {"run": run, "row": 0, "probs": probs}

    records = [
        support([0], [0.9, 0.1, 0.0]),
        said(3, [0.9, 0.1]),
        said(2, [0.2, 0.8]),
        said(1, [1.0, 0.0], sees="positions"),
        {**said(1, [1.0, 0.0]), "run": {**said(1, [])["run"], "split": "dev"}},
    ]
    texts = [text(3, (0, 1), (1, 2), (2, 3))]
    export(tmp_path / "out", ["mean"], "test", LABELS, records, texts)
    (line,) = map(json.loads, (tmp_path / "out" / "mean.jsonl").read_text().splitlines())
    assert line["classification_scores"] == {"NEG": 0.2, "POS": 0.8}


def tokens_of(spans, count):
    flags = np.zeros(count, bool)
    for first, end in spans:
        flags[first:end] = True
    return flags


@pytest.mark.parametrize(
    ("chosen", "marked", "token", "iou"),
    [
        # 4 tokens chosen, 3 marked, 2 in both: precision 1/2, recall 2/3, F1 4/7. The run (0, 2)
        # shares 2 of 3 with (0, 3), at least half: right. (5, 7) meets none. F1 of runs: 2/3.
        ([(0, 2), (5, 7)], [(0, 3)], 4 / 7, 2 / 3),
        # (0, 2) shares 1 of 3 with (1, 3): below half, so no run is right.
        ([(0, 2)], [(1, 3)], 1 / 2, 0),
        # (0, 4) shares 2 of 4 with each half of it: exactly half counts, of one of them alone.
        ([(0, 4)], [(0, 2)], 2 / 3, 1),
        ([(0, 1)], [(6, 7)], 0, 0),
        ([(2, 5)], [(2, 5)], 1, 1),
    ],
)
def test_the_scores_of_the_reference_evaluation(chosen, marked, token, iou):
    """Token F1 and IoU-F1 at .5 of a document, as the benchmark defines them."""
    ours, theirs = tokens_of(chosen, 8), tokens_of(marked, 8)
    assert token_f1(ours, theirs) == pytest.approx(token)
    assert iou_f1(ours, theirs) == pytest.approx(iou)


def test_the_auprc_of_the_reference_evaluation():
    """By the trapezoidal rule from recall 0 at precision 1: .5 (1 + 1)/2 + .5 (1/2 + 2/3)/2."""
    soft, marked = [0.9, 0.5, 0.4, 0.1], [1, 0, 1, 0]
    assert trapezoidal_auprc(soft, marked) == pytest.approx(0.5 + 0.5 * (1 / 2 + 2 / 3) / 2)
