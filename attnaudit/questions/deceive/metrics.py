"""Metrics of `deceive`: of the audited model, and of models trained with each coefficient."""

from __future__ import annotations

from attnaudit.records.metric import LEAST_MEAN, LEAST_SCORE, UNIT, MetricSpec

_PAPER = "Pruthi et al. 2020"
_OWN = "this tool's own"
_SIGNED = (-1.0, 1.0)
AUDITED = "deceive.audited"
OF_COEFFICIENT = "deceive[coefficient={coefficient}]"
LARGEST = "deceive.largest"
_KINDS = {
    AUDITED: "the audited model",
    OF_COEFFICIENT: "models that were trained with the penalty times {coefficient}",
}
_BREAKS = (
    "Deleted words leave odd texts, so any answer moves a little. The deletion of as many other "
    "words says how much."
)
_MIXED = (
    "A model that mixes the states of words can bring what these words say into the states of "
    "others. Then nothing moves here, and the model uses the words all the same."
)


def _mass(name: str, what: str, beside: str) -> MetricSpec:
    return MetricSpec(
        f"{name}.mass",
        f"The attention of {what} on impermissible words.",
        "fraction",
        "neutral",
        LEAST_MEAN,
        UNIT,
        formula="mean over models and texts with such words of the attention on them, the mean of "
        "all heads or the largest (`--heads`)",
        beside=(beside,),
        traps="It is the raw weight: of a transformer, [CLS] and [SEP] have weights, too. That it "
        "is small does not say that the words are not used.",
        source=f"{_PAPER}, section 5",
    )


def _use(name: str, what: str, beside: str) -> MetricSpec:
    return MetricSpec(
        f"{name}.use",
        f"How much more the answers of {what} move without the impermissible words than without "
        "as many other words.",
        "total variation distance",
        "neutral",
        LEAST_MEAN,
        _SIGNED,
        formula="mean over models and texts with such words of TVD(p, p without them) - "
        "TVD(p, p without as many others)",
        beside=(beside,),
        traps="The model was not trained on such texts. The floor, which is, says what the other "
        "words can give.",
        source=_OWN,
    )


def _of(name: str, what: str) -> list[MetricSpec]:
    """All metrics of one kind of model."""

    def mean(figure: str, definition: str, formula: str, traps: str, source: str) -> MetricSpec:
        return MetricSpec(
            f"{name}.{figure}",
            definition,
            "fraction" if figure.startswith("norms") else "total variation distance",
            "neutral",
            LEAST_MEAN,
            UNIT,
            formula=f"mean over models and texts with such words of {formula}",
            beside=(f"{name}.use",),
            traps=traps,
            source=source,
        )

    def score(
        figure: str, definition: str, formula: str, traps: str, beside: str = "score"
    ) -> MetricSpec:
        return MetricSpec(
            f"{name}.{figure}",
            definition,
            "fraction",
            "neutral",
            LEAST_SCORE,
            UNIT,
            formula=f"mean over models of the score of {formula}",
            beside=("deceive.floor.score", f"{name}.{beside}"),
            traps=traps,
            source=f"{_PAPER}, section 5",
        )

    any_score = "It is macro-F1 unless `--score` names another. The paper gives accuracy."
    return [
        _mass(name, what, f"{name}.use"),
        _use(name, what, f"{name}.mass"),
        score(
            "score", f"The score of {what} on the whole texts.", "the answers", any_score, "mass"
        ),
        score(
            "deleted.score",
            f"The score of {what} on texts without the impermissible words.",
            "the answers without the words",
            "The model was trained with the words, so it may do worse than it must.",
        ),
        score(
            "zeroed.score",
            f"The score of {what} if the words get no attention.",
            "the answers with these weights at 0 and all others as they are",
            _MIXED,
        ),
        score(
            "renormalised.score",
            f"The score of {what} if the words get no attention and the other words get it all.",
            "the answers with these weights at 0 and the others scaled up to the same sum",
            _MIXED,
        ),
        mean(
            "deleted.tvd",
            f"How far the answers of {what} move without the impermissible words.",
            "TVD(p, p without the words)",
            _BREAKS,
            _OWN,
        ),
        mean(
            "zeroed.tvd",
            f"How far the answers of {what} move if the words get no attention.",
            "TVD(p, p with these weights at 0)",
            _MIXED,
            f"{_PAPER}, section 6, who look at the accuracy",
        ),
        mean(
            "renormalised.tvd",
            f"How far the answers of {what} move if the words get no attention and the other "
            "words get it all.",
            "TVD(p, p with these weights at 0 and the others scaled up)",
            _MIXED,
            f"{_PAPER}, section 6, who look at the accuracy",
        ),
        mean(
            "left_out",
            f"How far the answers of {what} move if one of the impermissible words is left out.",
            "the mean over these words of TVD(p, p without the word)",
            "A word that stands twice in a text can be left out once, and nothing moves.",
            "after Jain & Wallace 2019, section 4.1",
        ),
        mean(
            "norms.embedding",
            f"The share of the impermissible words in the norms of the word embeddings of {what}.",
            "sum of ||e|| over these words / sum over all words",
            "Compare it with `deceive.places`. A small weight on a long vector counts as much as a "
            "large weight on a short one.",
            f"{_PAPER}, in the authors' code",
        ),
        mean(
            "norms.value",
            "The share of the impermissible words in the norms of the vectors that the attention "
            f"of {what} averages.",
            "sum of ||v|| over these words / sum over all words, all heads",
            "Compare it with `deceive.places`.",
            f"{_PAPER}, in the authors' code",
        ),
    ]


SPECS = (
    *(spec for name, what in _KINDS.items() for spec in _of(name, what)),
    MetricSpec(
        f"{OF_COEFFICIENT}.floor_gap",
        "How much better models that were trained with the penalty times {coefficient} score than "
        "models that never see the impermissible words.",
        "fraction",
        "neutral",
        LEAST_SCORE,
        _SIGNED,
        formula="mean over seeds of score - score of the model without the words, same seed",
        beside=(f"{OF_COEFFICIENT}.mass", "deceive.floor.score"),
        traps="Near 0 the other words say as much. The model may use these words all the same.",
        source=f"{_PAPER}, section 5",
    ),
    MetricSpec(
        "deceive.floor.score",
        "The score of models of the recipe that never see the impermissible words, neither in "
        "training nor after.",
        "fraction",
        "neutral",
        LEAST_SCORE,
        UNIT,
        formula="mean over models of the score that the settings name",
        beside=("deceive[coefficient={coefficient}].score",),
        traps="It is what the other words say. A model that scores more uses the words.",
        source=f"{_PAPER}, section 5",
    ),
    MetricSpec(
        "deceive.places",
        "The share of the words of a text that are impermissible.",
        "fraction",
        "neutral",
        LEAST_MEAN,
        UNIT,
        formula="mean over texts with such words of their tokens / all tokens",
        beside=("deceive.audited.norms.value",),
        traps="Texts without such words are left out.",
        source=_OWN,
    ),
    _mass(LARGEST, "models that were trained with the largest coefficient", f"{LARGEST}.use"),
    _use(LARGEST, "models that were trained with the largest coefficient", f"{LARGEST}.mass"),
)
