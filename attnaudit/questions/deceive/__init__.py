"""Can attention hide words that the model uses?"""

from __future__ import annotations

from attnaudit.questions.deceive.metrics import AUDITED, LARGEST, SPECS
from attnaudit.questions.deceive.settings import DeceiveSettings
from attnaudit.questions.question import EvidenceRow, Question

ABOUT = """\
You name impermissible words: words that an answer should not rest on, such as pronouns. The test
trains models of the recipe that are punished for attention to these words, and asks whether they
still use them. Training adds -C log(1 - attention on the words) to the loss of each text, for every
coefficient C; 0 is no penalty. Of several heads it is the mean or the largest. Of a transformer it
is the attention that is audited: all heads of the last layer, in the row that the answer is read
from. The layers below are not punished. Of the epochs whose accuracy on dev is at most .02 below
that of the model without a penalty, the one with the least attention on the words is kept. For
every model, and for the audited one, it compares answers with the words, without them, with as many
other words deleted, and with the weights of the words at 0. Models that never see the words are the
floor. It decides no finding, and has a verdict of its own: words are hidden and used, shown and
used, or not used. Pruthi et al. 2020."""

QUESTION = Question(
    name="deceive",
    command="deceive",
    module=__name__,
    asks="Can attention hide words that the model uses?",
    about=ABOUT,
    settings=DeceiveSettings,
    metrics=SPECS,
    evidence=(
        EvidenceRow(
            "attention on impermissible words",
            f"{AUDITED}.mass",
            "their use (TVD)",
            f"{AUDITED}.use",
        ),
        EvidenceRow(
            "the same, trained to hide them",
            f"{LARGEST}.mass",
            "their use (TVD)",
            f"{LARGEST}.use",
        ),
    ),
    attention=True,
    retrains=True,
    keeps="deceivers",
    keep_option="--keep",
    usual=False,
    optional=True,
    traps="That a recipe can be trained to hide words does not say that the audited model does. "
    "What the words are is your choice: a model may use others that say the same.",
    source="Pruthi et al. 2020, sections 3 to 6",
)
