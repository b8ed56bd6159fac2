"""Metrics of `ladder`. None speaks for or against attention on its own."""

from __future__ import annotations

from typing import NamedTuple

from attnaudit.records.metric import JSD, LEAST_MEAN, UNIT, MetricSpec

_JW = "Jain & Wallace 2019, section 4.2.2"
_WP = "Wiegreffe & Pinter 2019, section 4; that it is taken text by text is this tool's own"
_OWN = "this tool's own"
_LOWER = "It is a lower bound: a search found it, and may have missed what lies farther."


class Kind(NamedTuple):
    """What may change on a rung, in words and as a formula, with its trap and its source."""

    changes: str
    formula: str
    traps: str
    source: str


RUNGS = {
    "weights": Kind(
        "the weights themselves may change",
        "weights b",
        "The model may never compute these weights. Exact with two classes and a linear readout, "
        "otherwise a lower bound.",
        _JW,
    ),
    "query": Kind(
        "the query of the audited row may be any vector in each head",
        "queries q', with b = softmax(K q' / sqrt d)",
        f"{_LOWER} The layers below may be unable to make that query. It may also move attention "
        "to special tokens, see `outside`.",
        _OWN,
    ),
    "state": Kind(
        "the state of the audited row may move within a ball, before the audited layer",
        "states s' with |s' - s| <= radius |s|",
        f"{_LOWER} The state also goes around the attention, so what it moves there may make up "
        "for other weights. The size of the ball is a choice.",
        _OWN,
    ),
    "word_embeddings": Kind(
        "the embedding of each word may move within a ball",
        "embeddings e' with |e'_t - e_t| <= radius d for each token t, d the median distance of a "
        "word to its nearest neighbour",
        f"{_LOWER} The size of the balls is a choice. Embeddings nearby are no words.",
        _OWN,
    ),
    "parameters": Kind(
        "the parameters may change, among the models in the records given",
        "models m that were trained with --lambda, imitators too",
        "It is a lower bound, among few models. They were trained to keep the answers of all "
        "texts, and not of this one alone. Taken word by word.",
        _WP,
    ),
}


def _specs(name: str, kind: Kind) -> list[MetricSpec]:
    jsd = f"ladder.{name}.jsd.mean"
    others = tuple(f"ladder.{other}.jsd.mean" for other in RUNGS if other != name)

    def spec(
        figure: str,
        definition: str,
        formula: str,
        beside: tuple[str, ...],
        traps: str,
        unit: str = "fraction",
        bounds: tuple[float | None, float | None] = UNIT,
    ) -> MetricSpec:
        return MetricSpec(
            f"ladder.{name}.{figure}",
            definition,
            unit,
            "neutral",
            LEAST_MEAN,
            bounds,
            formula=formula,
            beside=beside,
            traps=traps,
            source=kind.source,
        )

    made = [
        spec(
            "jsd.mean",
            f"How far the attention can be from the model's own if {kind.changes}, while the answer"
            " moves by at most epsilon, as a mean over texts.",
            f"mean of max JSD over {kind.formula}, with TVD <= epsilon; 0 where none was found",
            others,
            kind.traps,
            "nats",
            JSD,
        ),
        spec(
            "relative_mean",
            "The same as a share of the largest JSD that any weights can have in that text.",
            "mean of JSD / cap, cap = ln 2 + (m ln m - (1 + m) ln(1 + m)) / 2, m the least weight",
            (jsd,),
            kind.traps,
        ),
        spec(
            "found",
            f"The share of texts in which other attention with that answer was found, if "
            f"{kind.changes}.",
            "mean of [some alternative with TVD <= epsilon]",
            (jsd,),
            "If a search fails, such attention may still exist.",
        ),
        spec(
            "tvd.mean",
            "How far the answers move under the attention found, as a mean over texts.",
            "mean of TVD",
            (jsd,),
            "It is small by construction: the search allows epsilon at most.",
            "total variation distance",
        ),
    ]
    if name != "parameters":
        made.append(
            spec(
                "outside.mean",
                "How much of the attention found lies outside the words, as a mean over texts.",
                "mean over texts and heads of the weight outside the content",
                (jsd, "attention.outside"),
                "The rest alone is shown, scaled up. If it is small, what is shown says little.",
            )
        )
    return made


SPECS = (
    *(spec for name, kind in RUNGS.items() for spec in _specs(name, kind)),
    MetricSpec(
        "ladder.weights.upper.mean",
        "An upper bound, as a mean over texts: no weights that move the answer by at most epsilon "
        "lie farther from the model's, and so no weights that a query makes.",
        "nats",
        "neutral",
        LEAST_MEAN,
        JSD,
        formula="mean of a bound on max JSD; equal to it where that is exact",
        beside=("ladder.weights.jsd.mean", "ladder.query.jsd.mean"),
        traps="With a readout that is not linear it is only the largest JSD of any weights, even "
        "of those that change the answer.",
        source=_OWN,
    ),
    MetricSpec(
        "ladder.weights.exact",
        "The share of texts in which the JSD of the weights is the exact maximum.",
        "fraction",
        "neutral",
        LEAST_MEAN,
        UNIT,
        formula="mean of [bound = exact]",
        beside=("ladder.weights.jsd.mean",),
        traps="It says how the figure was found. It says nothing about attention.",
        source=_OWN,
    ),
)
