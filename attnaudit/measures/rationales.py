"""How far a ranking of words agrees with the words that people marked (DeYoung et al. 2020).

`rationale` is (words,), true on the marked words; at least one must be. All scores lie in [0, 1],
more is a closer agreement with people, which says nothing about the model's own reasons.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from attnaudit.measures.agreements import AGREEMENTS

MATCH = 0.5  # intersection over union from which two spans count as one


def agreement(chosen: ArrayLike, scores: ArrayLike, rationale: ArrayLike) -> dict[str, float]:
    """`AGREEMENTS` of the chosen words, (words,) bool, and of the scores (words,) of all words.

    Those of the scores are NaN if a score is.
    """
    figures = (
        token_f1(chosen, rationale),
        iou_f1(chosen, rationale),
        average_precision(scores, rationale),
        trapezoidal_auprc(scores, rationale),
    )
    return dict(zip(AGREEMENTS, figures, strict=True))


def token_f1(chosen: ArrayLike, rationale: ArrayLike) -> float:
    """F1 of the chosen words, (words,) bool, against the marked ones."""
    chosen, rationale = np.asarray(chosen, bool), _marked(rationale)
    return float(2 * (chosen & rationale).sum() / (chosen.sum() + rationale.sum()))


def iou_f1(chosen: ArrayLike, rationale: ArrayLike) -> float:
    """F1 of the chosen spans against the marked ones.

    A span is a longest run of neighbouring words. A chosen span is right if its intersection over
    union with some marked span is at least .5. (DeYoung et al. 2020, section 4.1.)
    """
    ours, theirs = _spans(np.asarray(chosen, bool)), _spans(_marked(rationale))
    both = np.minimum(ours[:, None, 1], theirs[:, 1]) - np.maximum(ours[:, None, 0], theirs[:, 0])
    lengths = np.diff(ours), np.diff(theirs)[:, 0]
    union = lengths[0] + lengths[1] - both
    # Runs have gaps between them, so at .5 and above each matches one span of the other side.
    right = (both >= MATCH * union).any(1).sum()
    return float(2 * right / (len(ours) + len(theirs)))


def average_precision(scores: ArrayLike, rationale: ArrayLike) -> float:
    """Average precision of `scores` (words,): the precision at each step of recall, summed.

    It does not interpolate; see `trapezoidal_auprc` for what ERASER reports. Words of equal score
    enter together, so a constant score gives the share of marked words. NaN if a score is NaN.
    """
    curve = _curve(scores, rationale)
    if curve is None:
        return float("nan")
    precision, recall = curve
    return float((np.diff(recall, prepend=0) * precision).sum())


def trapezoidal_auprc(scores: ArrayLike, rationale: ArrayLike) -> float:
    """The area under the precision-recall curve of `scores` (words,), by the trapezoidal rule.

    This is the AUPRC of ERASER (DeYoung et al. 2020): points of the curve are joined by straight
    lines, and it begins at recall 0 with precision 1. Between points precision does not fall
    linearly, so this area flatters (Davis & Goadrich 2006): a constant score gives (1 + s) / 2, s
    the share of marked words. NaN if a score is NaN.
    """
    curve = _curve(scores, rationale)
    if curve is None:
        return float("nan")
    precision, recall = np.append(1.0, curve[0]), np.append(0.0, curve[1])
    return float((np.diff(recall) * (precision[1:] + precision[:-1]) / 2).sum())


def _curve(
    scores: ArrayLike, rationale: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Precision and recall at each score, the highest first; None if a score is NaN."""
    scores, rationale = np.asarray(scores, np.float64), _marked(rationale)
    if np.isnan(scores).any():
        return None
    order = np.argsort(-scores, kind="stable")
    last = np.append(scores[order][1:] != scores[order][:-1], True)  # of its run of equal scores
    found = rationale[order].cumsum()[last]
    taken = np.flatnonzero(last) + 1
    return found / taken, found / rationale.sum()


def _marked(rationale: ArrayLike) -> NDArray[np.bool_]:
    marked = np.asarray(rationale, bool)
    if not marked.any():
        raise ValueError("a rationale without a marked word")
    return marked


def _spans(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """First place and end of each run of true, (runs, 2)."""
    edges: NDArray[np.int64] = np.flatnonzero(np.diff(mask, prepend=False, append=False))
    return edges.reshape(-1, 2)
