"""How far can the attention shown move, if more and more of the model may change?"""

from __future__ import annotations

from attnaudit.questions.ladder.metrics import SPECS
from attnaudit.questions.ladder.settings import LadderSettings
from attnaudit.questions.question import EvidenceRow, Question

ABOUT = """\
Other weights for the same answer are easy to find, but a model may be unable to make them. This
test says how far the attention can move (by JSD) while the answer moves by at most epsilon, by what
may change: (1) the weights themselves, (2) the query that the audited row asks with, (3) the state
of that row within a ball, (4) the embeddings of the words within balls, and (5) the parameters, if
--adversaries names records of `adversary --lambda`. Rung 1 is exact or lies between bounds. The
others are lower bounds that a search found. A query never goes beyond the upper bound of the
weights. In a classic model the query is a learned vector, the same for all texts, or for pairs the
encoded question. Such a model has no state of a row, so there is no rung 3. A ball of a word is a
share of the distance to its nearest neighbour; the state moves by the same share of its length.
Both sizes are this tool's own. It decides no finding."""

QUESTION = Question(
    name="ladder",
    command="ladder",
    module=__name__,
    asks="How far can the attention move at the same answer, by what may change?",
    about=ABOUT,
    settings=LadderSettings,
    metrics=SPECS,
    evidence=(
        EvidenceRow(
            "other query, same answer: distance (JSD)",
            "ladder.query.jsd.mean",
            "any weights",
            "ladder.weights.jsd.mean",
        ),
        EvidenceRow(
            "other embeddings nearby, same answer: distance (JSD)",
            "ladder.word_embeddings.jsd.mean",
        ),
    ),
    optional=True,
    traps="What a search does not find may still exist: all rungs but an exact one are lower "
    "bounds. The rungs do not contain each other, except that the weights contain the query.",
    source="rung 1: Jain & Wallace 2019, section 4.2.2; rung 5: Wiegreffe & Pinter 2019, section "
    "4; the others are this tool's own",
)
