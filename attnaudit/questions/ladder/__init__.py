"""How far can the attention shown move, if more and more of the model may change?"""

from __future__ import annotations

from attnaudit.questions.ladder.metrics import SPECS
from attnaudit.questions.ladder.settings import LadderSettings
from attnaudit.questions.question import EvidenceRow, Question

ABOUT = """\
Other weights for the same answer are easy to find, but a model may be unable to make them. This
test says how far the attention can move (by JSD) while the answer moves by at most epsilon (by
TVD), which is the same on all rungs. Each rung lets something else of the model change: (1) the
weights themselves; (2) the query that the audited row asks with; (3) the state of that row, but
only nearby; (4) the embeddings of the words, but only nearby; (5) the parameters, if
--model-adversary names records of `adversary --lambda`. Rung 1 is exact, or lies between two
bounds. The others are lower bounds that a search found. Weights can do all that a query can do.
Otherwise no rung can do all that another can do. In a classic model the query is a learned vector,
the same for all texts, or for pairs the encoded question. Such a model has no state of a row, so
it has no rung 3. Nearby means: the embedding of a word moves by at most radius times the median
distance of a word to its nearest neighbour in the table of embeddings, and the state by at most
radius times its own length. Both sizes are this tool's own choice. The test decides no finding."""

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
    "bounds. A later rung may show less than an earlier one.",
    source="rung 1: Jain & Wallace 2019, section 4.2.2; rung 5: Wiegreffe & Pinter 2019, section "
    "4; the others are this tool's own",
)
