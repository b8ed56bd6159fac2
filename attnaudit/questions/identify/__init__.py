"""Which attention weights does what a head gives pin down?"""

from __future__ import annotations

from attnaudit.questions.identify.metrics import SPECS
from attnaudit.questions.identify.settings import IdentifySettings
from attnaudit.questions.question import EvidenceRow, Question

ABOUT = """\
A head gives an average of vectors. If other weights give the same average, nothing above the head
can tell them from the model's own, and a heatmap shows one choice of many. This test counts such
weights for the audited row and each head, in two ways. Detached: any weights at all that add up to
1 (after Brunner et al. 2020). Producible: only weights that some query would make, with the keys of
the text as they are (after Bhardwaj et al. 2021). Long texts always leave detached weights free;
producible weights need not be. It also finds the most even such weights, and puts them into the
model: the answer must stay. With --intervals it says how far the weight of each token can move, and
so which tokens are necessary, and which can have no weight. With --starts it searches other
weights of a query that are far away. The question is that of Naim & Asher 2024; their definition is
another one. It decides no finding."""

QUESTION = Question(
    name="identify",
    command="identify",
    module=__name__,
    asks="Which attention weights does what a head gives pin down?",
    about=ABOUT,
    settings=IdentifySettings,
    metrics=SPECS,
    evidence=(
        EvidenceRow(
            "directions in which a head's weights are free",
            "identify.freedom.values.mean",
            "if a query makes them",
            "identify.freedom.producible.mean",
        ),
        EvidenceRow(
            "tokens whose weight is pinned down (share)",
            "identify.identified.mean",
            "necessary tokens",
            "identify.necessary.mean",
        ),
    ),
    optional=True,
    traps="Freedom grows with the length of a text, whatever the model does. It counts directions, "
    "and not how far weights can go. Weights that are pinned down are no proof that they explain.",
    source="after Brunner et al. 2020, section 3; Bhardwaj et al. 2021; Naim & Asher 2024",
)
