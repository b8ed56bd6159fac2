"""Does attention on the words that people marked go with right answers? From records.

After Yuksekgonul et al. 2024 ("Attention Satisfies", ICLR): there the attention of a language model
to the words of a constraint predicts whether its answer is right, by AUROC, beside the confidence
of the model. Their predictor is a logistic regression on the largest weight on those words in each
head of each layer. Ours is fitted to nothing: it is m(x), the share of the shown attention of the
audited row that lies on the marked words, and AUROC = P(m(x) > m(x')) + P(m(x) = m(x')) / 2 for x a
text that is answered right, and x' one that is not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from attnaudit.measures import influence
from attnaudit.measures.summary import Cell, Estimate, Table
from attnaudit.questions.basics import Basics
from attnaudit.records.metric import UNIT

Array = NDArray[np.float64]

NAME = "erase.rightness"
PREDICTORS = {
    "attention": "attention on the marked words",
    "uniform": "share of words that are marked",
    "confidence": "confidence of the model",
}


def marked_columns(part: Sequence[Mapping[str, Mapping[str, float]]]) -> dict[str, Array]:
    """Of each record, the attention on its marked words and their share; NaN where there are none.

    Records of older versions do not say it.
    """
    found = [record.get("marked") or {} for record in part]
    return {
        name: np.array([marked.get(name, np.nan) for marked in found], float)
        for name in ("attention", "words")
    }


def rightness(basics: Basics, attention: Array, words: Array) -> tuple[dict[str, Estimate], Table]:
    """The metrics and the table of the texts in which words are marked: at least one must be.

    Args:
        basics: the shared fields of all records.
        attention: (n,) the share of the attention on the marked words, NaN where there are none.
        words: (n,) the share of the words that are marked.
    """
    there = np.isfinite(attention)
    right = basics.predicted[there] == basics.gold[there]
    scores = {
        "attention": attention[there],
        "uniform": words[there],
        "confidence": basics.probs[there].max(1),
    }
    sample, metrics = basics.sample(there), dict[str, Estimate]()
    rows: list[list[Cell]] = []
    for name, values in scores.items():
        figure = influence.auroc(right, values)
        if figure is None:
            what = "right" if right.all() else "wrong"
            reason = f"the answers to all texts with marked words are {what}"
            found = Estimate(None, n=len(right), reason=reason)
        else:
            found = sample.score(figure, UNIT)
        metrics[f"{NAME}.auroc.{name}"] = found
        means = (_mean(values[right]), _mean(values[~right]))
        rows.append([PREDICTORS[name], found.value, found.ci_low, found.ci_high, *means])
    n, wrong = len(right), int((~right).sum())
    notes = [
        f"{n:,} texts have marked words, and the answers to {wrong:,} of them are wrong. AUROC: the"
        " chance that a text with a right answer has a higher value than a text with a wrong one."
        " 0.5 is what chance gives.",
        "If attention on the marked words goes with right answers, its AUROC lies above 0.5, and"
        " above that of the share of words that are marked, which uniform attention would give.",
        "right, wrong: the mean value of texts with right and with wrong answers.",
    ]
    columns = ["predictor of a right answer", "AUROC", "low", "high", "right", "wrong"]
    return metrics, Table("Attention on marked words, and right answers", columns, rows, notes)


def _mean(values: Array) -> float | None:
    return float(values.mean()) if len(values) else None
