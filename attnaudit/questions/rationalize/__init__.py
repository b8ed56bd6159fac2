"""Do the words that a score picks suffice for a model that sees nothing else?"""

from __future__ import annotations

from attnaudit.questions.question import ControlRow, EvidenceRow, Question
from attnaudit.questions.rationalize.metrics import SPECS
from attnaudit.questions.rationalize.settings import RationalizeSettings

ABOUT = """\
This test builds models that are faithful by construction (FRESH, Jain et al. 2020). MODEL is the
support model: the attention, or an importance, scores its words, and the best words of each text
become the rationale. Predictors of the same recipe are trained and tested on the rationales alone.
They are compared with predictors of the full text, of random words of the same number, and of the
places of the chosen words alone. That last comparison shows whether the choice itself gives the
label away (a leak). Where people marked words, it says how well the rationales agree with them.
What is faithful: an answer of a predictor depends on the rationale, and on no other word. What is
not: nothing says why the support model chose these words, nor that the support model itself uses
them, nor how the predictor uses them. With --keep, the predictors are kept, and beside them the
rationales as predictions of ERASER. It decides no finding."""

QUESTION = Question(
    name="rationalize",
    command="rationalize",
    module=__name__,
    asks="Do the words that a score picks suffice for a model that sees nothing else?",
    about=ABOUT,
    settings=RationalizeSettings,
    metrics=SPECS,
    evidence=(
        EvidenceRow(
            "rationales by attention alone (score)",
            "rationalize.mean.score",
            "the full text",
            "rationalize.full.score",
        ),
        EvidenceRow(
            "rationales by attention: gain over random words (score)",
            "rationalize.mean-random.score_gap",
            "score of random words",
            "rationalize.random.score",
        ),
        EvidenceRow(
            "rationales by gradients alone (score)",
            "rationalize.gradient_flowing.score",
            "the full text",
            "rationalize.full.score",
        ),
    ),
    controls=(
        ControlRow(
            "rationales: score from random words",
            "rationalize.random.score",
            (("words by attention", "rationalize.mean.score"),),
            "If random words do as well, the length of the rationale suffices, and it does not "
            "matter which words it holds.",
        ),
        ControlRow(
            "rationales: score from the chosen places alone",
            "rationalize.mean.positions_score",
            (("words by attention", "rationalize.mean.score"),),
            "If the places do as well as the words, the choice gives the label away, and the words "
            "need not say anything.",
        ),
    ),
    attention=True,
    retrains=True,
    optional=True,
    keeps="rationales",
    keep_option="--keep",
    usual=False,
    traps="A predictor that answers well from the rationale does not show that the support model "
    "used these words. The choice of the words may give the label away.",
    source="Jain et al. 2020, section 4",
)
