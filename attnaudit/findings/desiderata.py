"""What findings are about: the only list of the desiderata of attention as an explanation.

They are those of Wiegreffe & Pinter (2019), section 2. Light to import: the rules stand elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from attnaudit.findings.finding import FindingName


@dataclass(frozen=True)
class Desideratum:
    """What attention may be asked for.

    `asks` is the question in plain words, and `needs` what to run where nothing is known.
    `delta` is the smallest effect of interest by default, from 0 to `most`; `effect` says what
    that is.
    """

    name: FindingName
    asks: str
    needs: str
    delta: float
    most: float
    effect: str


NECESSARY = Desideratum(
    "necessary",
    "Does this recipe answer better when it learns its attention weights than when every word "
    "has the same weight?",
    "Run seed-baseline to find out.",
    0.01,
    1.0,
    "The smallest gain in score that counts.",
)
STABLE = Desideratum(
    "stable",
    "Does the model attend to the same words when it is trained again with another seed?",
    "Run seed-baseline to find out.",
    2 / 3,
    1.0,
    "How much more alike than by chance the attention of two models must be, from 0 to 1.",
)
HARD_TO_MANIPULATE = Desideratum(
    "hard_to_manipulate",
    "Must a model of this recipe that gives the same answers also have the same attention weights?",
    "Run seed-baseline, and adversary with --sweep, to find out.",
    0.1,
    0.6931,
    "The smallest excess JSD that counts.",
)
OUT_OF_CONTEXT = Desideratum(
    "out_of_context",
    "Do the weights point at words that say something about the answer by themselves, without "
    "the words around them?",
    "Run seed-baseline and probe to find out.",
    0.01,
    1.0,
    "The smallest gain in score that counts.",
)
FINDINGS: tuple[Desideratum, ...] = (NECESSARY, STABLE, HARD_TO_MANIPULATE, OUT_OF_CONTEXT)


def find_desideratum(name: FindingName) -> Desideratum:
    """The desideratum of this name."""
    return next(one for one in FINDINGS if one.name == name)
