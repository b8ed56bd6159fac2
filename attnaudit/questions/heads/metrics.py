"""Metrics of `heads`."""

from __future__ import annotations

from attnaudit.records.metric import LEAST_MEAN, LEAST_SCORE, UNIT, MetricSpec

_MICHEL = "Michel et al. 2019"
_BRUNNER = "Brunner et al. 2020"
_REMOVED = "A model was never trained without a head, so its states are unusual then."
_CHANGE = (-1.0, 1.0)

ABLATION = (
    MetricSpec(
        "heads.ablation.tvd.mean",
        "How far the answers move on average when one head of one layer is removed.",
        "total variation distance",
        "neutral",
        LEAST_MEAN,
        UNIT,
        formula="mean over texts and heads of TVD(p(head removed), p)",
        beside=("heads.ablation.flips.mean", "heads.ablation.needed"),
        traps=f"The mean over many heads hides the few that matter: see the table. {_REMOVED}",
        source=f"{_MICHEL}, section 3.2",
    ),
    MetricSpec(
        "heads.ablation.flips.mean",
        "How often the answer becomes another class when one head of one layer is removed.",
        "fraction",
        "neutral",
        LEAST_MEAN,
        UNIT,
        formula="mean over texts and heads of [argmax p(head removed) != argmax p]",
        beside=("heads.ablation.tvd.mean",),
        traps="A very confident answer can stay although its log-odds move a lot.",
        source=f"{_MICHEL}, section 3.2",
    ),
    MetricSpec(
        "heads.ablation.needed",
        "The share of heads whose removal changes the score: the 95 % interval of the change lies "
        "on one side of 0.",
        "fraction",
        "neutral",
        LEAST_SCORE,
        UNIT,
        formula="heads whose interval of macro-F1(head removed) - macro-F1 leaves out 0, by all",
        beside=("heads.ablation.tvd.mean",),
        traps="More texts find more such heads, and some are found by chance. Heads can stand in "
        "for each other, so a small share does not mean that heads can be removed together.",
        source=f"{_MICHEL}, section 3.2",
    ),
)

ORDERS = {
    "gradient": "by gradient importance, the least important first",
    "gradient_code": "by gradient importance as the authors' code computes it",
    "greedy": "each time the one whose removal leaves the least loss on dev",
    "random": "in random order, on average over orders",
}


def _pruning() -> list[MetricSpec]:
    made = []
    for name, order in ORDERS.items():
        beside = "gradient" if name == "random" else "random"
        made += [
            MetricSpec(
                f"heads.pruning.half.{name}",
                f"The score when half of all heads are removed, {order}.",
                "fraction",
                "neutral",
                LEAST_SCORE,
                UNIT,
                formula="macro-F1 without half of the heads, a straight line between the points",
                beside=(f"heads.pruning.half.{beside}",),
                traps=_REMOVED,
                source=f"{_MICHEL}, section 4",
            ),
            MetricSpec(
                f"heads.pruning.area.{name}",
                f"The mean score while all heads are removed one after another, {order}.",
                "fraction",
                "neutral",
                LEAST_SCORE,
                UNIT,
                formula="area below macro-F1 by the share of heads removed, from 0 to 1",
                beside=(f"heads.pruning.area.{beside}",),
                traps="It counts the end of the curve too, where few heads are left.",
                source="this tool's own",
            ),
        ]
    return made


PRUNING = (
    *_pruning(),
    MetricSpec(
        "heads.pruning.gain",
        "How much higher the curve is when heads are removed by gradient importance than in random "
        "order.",
        "fraction",
        "neutral",
        LEAST_SCORE,
        _CHANGE,
        formula="heads.pruning.area.gradient - heads.pruning.area.random",
        beside=("heads.pruning.area.gradient", "heads.pruning.area.random"),
        traps="The interval is over texts. The random orders are few, and the table shows how far "
        "they lie apart.",
        source="this tool's own",
    ),
)

PATTERNS = (
    MetricSpec(
        "heads.confidence.mean",
        "The largest weight that a head gives to one token that is no special one, on average over "
        "words, heads and layers.",
        "fraction",
        "neutral",
        LEAST_MEAN,
        UNIT,
        formula="mean over texts, layers, heads and words' rows of max_j a_ij, j no special token",
        beside=("heads.special.mean", "heads.entropy.mean"),
        traps="A confident head need not matter: see its ablation.",
        source="Voita et al. 2019, section 4",
    ),
    MetricSpec(
        "heads.entropy.mean",
        "How evenly heads spread their weights: 1 for weights spread over the whole text.",
        "fraction",
        "neutral",
        LEAST_MEAN,
        UNIT,
        formula="mean of entropy(a_i) / ln(positions of the text) over words' rows, all heads",
        beside=("heads.confidence.mean",),
        traps="Rows of a decoder see only what stands before them, and cannot reach 1.",
        source="this tool's own",
    ),
    MetricSpec(
        "heads.special.mean",
        "The share of all heads' weights that lies on special tokens such as [CLS] and [SEP].",
        "fraction",
        "neutral",
        LEAST_MEAN,
        UNIT,
        formula="mean of the sum of a_ij over special tokens j, over words' rows, all heads",
        beside=("heads.first.mean", "heads.knockout.special"),
        traps="Weight on them often means that a head has nothing to do in this text.",
        source="Kovaleva et al. 2019, section 4.1",
    ),
    MetricSpec(
        "heads.first.mean",
        "The share of all heads' weights that lies on the first token.",
        "fraction",
        "neutral",
        LEAST_MEAN,
        UNIT,
        formula="mean of a_i1 over words' rows, all heads and layers",
        beside=("heads.special.mean",),
        traps="Decoders leave weight that they do not need on the first token, whatever it is.",
        source="Kovaleva et al. 2019, section 4.1",
    ),
)

DEPTH = (
    *(
        MetricSpec(
            f"heads.identifiable.{name}",
            "The share of words' tokens whose state, where the last layer reads it, is nearer to "
            f"their own input than to any other of the text, by {words}.",
            "fraction",
            "higher",
            LEAST_MEAN,
            UNIT,
            formula="mean of [argmin_j d(state_i, input_j) = i]; the map g is the identity",
            beside=("heads.own.jacobian",),
            traps="No map from states to inputs is trained: this is the naive form, and a trained "
            "one would find more. Chance gives one in as many as the text has positions.",
            source=f"{_BRUNNER}, section 3",
        )
        for name, words in (("cosine", "angle"), ("l2", "distance"))
    ),
    MetricSpec(
        "heads.own.jacobian",
        "How much of a word's state, where the last layer reads it, comes from its own input.",
        "fraction",
        "higher",
        LEAST_MEAN,
        UNIT,
        formula="mean of |J_ii| / sum_j |J_ij|, J_ij the Jacobian of state i in input j; Frobenius "
        "norms from random projections, since E|J'v|^2 = |J|^2",
        beside=("heads.identifiable.cosine", "heads.own.proxy"),
        traps="One position of each text, drawn at random. Long texts have more others.",
        source=f"{_BRUNNER}, section 5",
    ),
    MetricSpec(
        "heads.own.proxy",
        "The same by a cheaper proxy: the gradient of the sum of a state's numbers.",
        "fraction",
        "higher",
        LEAST_MEAN,
        UNIT,
        formula="mean of |J_ii' 1| / sum_j |J_ij' 1|",
        beside=("heads.own.jacobian",),
        traps="Numbers of a state can cancel each other in the sum. Behind a layer norm without "
        "weights of its own they do, and the rest is rounding. Read the Jacobian.",
        source=f"{_BRUNNER}, section 5",
    ),
)

KNOCKED = {
    "special": "the special tokens, such as [CLS] and [SEP]",
    "first": "the first token",
    "top": "the word with the largest attention",
    "random": "another word than that, drawn at random",
    "words": "the words that --knock-out names",
}
KNOCKOUT = tuple(
    MetricSpec(
        f"heads.knockout.{name}",
        f"How far the answers move when no row of any layer may attend to {what}.",
        "total variation distance",
        "neutral",
        LEAST_MEAN,
        UNIT,
        formula="mean of TVD(p(keys dropped in all layers), p) over the texts that hold such",
        beside=(f"heads.knockout.{'top' if name == 'random' else 'random'}",),
        traps="What stands there can still reach the answer through its own row, where that is "
        "read. The softmax shares its weight out among the others.",
        source="Geva et al. 2023, section 4",
    )
    for name, what in KNOCKED.items()
)

SPECS = (*ABLATION, *PRUNING, *PATTERNS, *DEPTH, *KNOCKOUT)
