"""Leave-one-out of a BiLSTM, against one padded forward pass for each position.

As Jain & Wallace 2019 have it: texts sorted by length, 32 in a batch; all texts of a batch without
their first word, then all without their second, and so on until the longest has lost its last. The
tighter loop leaves out texts that have no word there. Where all texts are equally long, the two are
one. Ours makes records, too.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from tests.benchmarks.alike import alike, equal
from tests.benchmarks.case import Benchmark, Build, Case, Rival, Side, Target
from tests.benchmarks.researcher import Plain, padded
from tests.benchmarks.subjects import Scores, Subject, lengths_of

LOOP = "J&W: sorted, a pass per position"
TIGHTER = "sorted, a pass per position, of the texts that have it"


@torch.no_grad()
def position_by_position(
    subject: Subject, plain: Plain, positions: list[int], tighter: bool = False
) -> Scores:
    """The obvious loop, for some of the positions: (texts, words), NaN at the others."""
    widest = max(len(i.tokens) for i in subject.instances)
    moved = np.zeros((len(subject.instances), widest))
    for instances in subject.by_length():
        ids, lengths = padded(instances, subject.vocabulary)
        whole = plain(ids, lengths)
        for word in positions:
            there = lengths - 2 > word
            if not there.any():
                break
            some = (there if tighter else torch.ones_like(there)).nonzero().squeeze(1)
            shorter = torch.cat([ids[some, : word + 1], ids[some, word + 2 :]], dim=1)
            p = plain(shorter, lengths[some] - 1)
            kept = there[some]
            rows = [instances[i].row for i in some[kept].tolist()]
            moved[rows, word] = (p - whole[some])[kept].abs().numpy()
    moved[:, [w for w in range(widest) if w not in positions]] = np.nan
    return moved


def _agree(ours: Scores, theirs: Scores) -> None:
    equal(1e-5)(np.where(np.isnan(theirs), np.nan, ours), theirs)  # float32, other kernels


def _case(lengths: list[int], toy: bool, target: float | None, sampled: int | None = None) -> Case:
    """`sampled`: how many positions the loop works on, spread evenly; None: all."""
    subject = Subject.of_bilstm(lengths, toy)
    plain = Plain.like(subject.model)  # type: ignore[arg-type]
    widest = max(lengths)
    positions = list(range(0, widest, 1 if sampled is None else max(1, widest // sampled)))
    done = sum(n > p for n in lengths for p in positions)
    targets = () if target is None else (Target(f"ratio: {LOOP}", target),)
    rivals = {
        LOOP: Rival(lambda: position_by_position(subject, plain, positions), done, agree=_agree)
    }
    if len(set(lengths)) > 1:
        rivals[TIGHTER] = Rival(
            lambda: position_by_position(subject, plain, positions, True), done, agree=_agree
        )
    return Case(
        size={"tokens": widest, "instances": len(lengths)},
        unit="deletion",
        ours=Side(lambda: subject.importance("leave_one_out"), subject.words),
        rivals=rivals,
        targets=targets,
        same=alike(1e-5),
    )


def cases(toy: bool) -> Mapping[str, Build]:
    """One length, as in the targets, and the lengths of real data."""
    if toy:
        return {
            "one length": lambda: _case([5] * 4, True, None),
            "several": lambda: _case([3, 6, 4, 9], True, 6.0, 3),
        }
    return {
        "18 tokens": lambda: _case([18] * 64, False, 6.0),
        "60 tokens": lambda: _case([60] * 32, False, None),
        "200 tokens": lambda: _case([200] * 32, False, 2.5, 40),
        "lengths of sst2": lambda: _case(lengths_of("sst2", 512), False, 7.0),
        "lengths of movie_rationales": lambda: _case(
            lengths_of("movie_rationales", 4), False, None, 10
        ),
    }


BILSTM_DELETION = Benchmark(
    "bilstm-deletion", "leave-one-out of a BiLSTM, every word of every text", cases
)
