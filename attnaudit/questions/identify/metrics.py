"""Metrics of `identify`."""

from __future__ import annotations

from attnaudit.records.metric import JSD, LEAST_MEAN, UNIT, MetricSpec

_BRUNNER = "after Brunner et al. 2020, section 3"
_NAIM = f"{_BRUNNER}, and Naim & Asher 2024, whose own definition this is not"
_BHARDWAJ = "after Bhardwaj et al. 2021; that the keys are held is this tool's own"
_LENGTH = (
    "It follows from the length of a text and the size of a head: read it by length, in the table."
)
_COUNT = (0.0, None)

FREEDOM = (
    MetricSpec(
        "identify.freedom.values.mean",
        "In how many directions the weights of a head can change, on average, while the average of "
        "its value vectors stays as it is; any weights are allowed.",
        "directions",
        "neutral",
        LEAST_MEAN,
        _COUNT,
        formula="mean over texts and heads of n - rank [V, 1], n tokens that the row can attend to",
        beside=("identify.freedom.producible.mean", "identify.least_norm.jsd.mean"),
        traps=f"{_LENGTH} It counts directions, and does not say how far the weights can go. The "
        "model may be unable to make these weights.",
        source=_BRUNNER,
    ),
    MetricSpec(
        "identify.freedom.output.mean",
        "The same, while only what the linear map behind a head makes of the average stays as it "
        "is.",
        "directions",
        "neutral",
        LEAST_MEAN,
        _COUNT,
        formula="mean over texts and heads of n - rank [V W, 1], W the output map of the head",
        beside=("identify.freedom.values.mean",),
        traps="A map that loses directions, such as one to a single logit, frees nearly all "
        "weights, whatever the values are. Heads are taken one by one: together they may be freer.",
        source=_BRUNNER,
    ),
    MetricSpec(
        "identify.freedom.producible.mean",
        "In how many directions the weights of a head can change, on average, if a query makes them"
        " and what the head gives stays as it is; the keys of the text are held.",
        "directions",
        "neutral",
        LEAST_MEAN,
        _COUNT,
        formula="mean over texts and heads of rank U - rank Q'U; U: directions in which a query "
        "moves softmax(K q / sqrt d), Q: a basis of the columns of [V, 1]",
        beside=("identify.freedom.values.mean", "identify.unique.producible"),
        traps="0 says that no weights nearby serve as well. Weights far away may: look for them "
        "with --starts. More than 0 is of first order: it says what small changes can do.",
        source=_BHARDWAJ,
    ),
    MetricSpec(
        "identify.unique.detached",
        "The share of heads for which no other weights at all leave what the head gives as it is.",
        "fraction",
        "neutral",
        LEAST_MEAN,
        UNIT,
        formula="mean over texts of the share of heads whose freedom is 0",
        beside=("identify.freedom.values.mean",),
        traps=f"{_LENGTH} The setting `kept` says what stays as it is.",
        source=_BRUNNER,
    ),
    MetricSpec(
        "identify.unique.producible",
        "The share of heads for which no weights near the model's own that a query makes leave "
        "what the head gives as it is.",
        "fraction",
        "neutral",
        LEAST_MEAN,
        UNIT,
        formula="mean over texts of the share of heads whose producible freedom is 0",
        beside=("identify.others.share",),
        traps="It is about small changes of the query alone.",
        source=_BHARDWAJ,
    ),
    MetricSpec(
        "identify.identified.mean",
        "The share of tokens whose weight is pinned down: it is the same in all weights that leave "
        "what the head gives as it is.",
        "fraction",
        "neutral",
        LEAST_MEAN,
        UNIT,
        formula="mean over texts and heads of the share of tokens in no direction of freedom",
        beside=("identify.freedom.values.mean", "identify.width.mean"),
        traps=f"{_LENGTH} A weight that is pinned down is no proof that the word decided.",
        source=_NAIM,
    ),
    MetricSpec(
        "identify.least_norm.jsd.mean",
        "How far the model's weights are from the most even weights that leave what the head gives "
        "as it is.",
        "Jensen-Shannon divergence",
        "neutral",
        LEAST_MEAN,
        JSD,
        formula="mean over texts and heads of JSD(a, argmin sum b^2 over such b)",
        beside=("identify.freedom.values.mean",),
        traps="Other such weights may lie much farther away.",
        source=_NAIM,
    ),
)

_READ = "the weights of least norm, corners (--intervals) and other producible weights (--starts)"
ANSWERS = (
    MetricSpec(
        "identify.answers.tvd.mean",
        "How far the answer moves at most when weights that leave what a head gives as it is are "
        "put into the model: a check.",
        "total variation distance",
        "neutral",
        LEAST_MEAN,
        UNIT,
        formula=f"mean over texts of the largest TVD under {_READ}",
        beside=("identify.answers.flips",),
        traps="It must be about 0. If it is not, the answer reads the weights in another way than "
        "through this average, and the other figures do not speak of the answer.",
        source="this tool's own",
    ),
    MetricSpec(
        "identify.answers.flips",
        "How often the answer becomes another class under such weights: a check.",
        "fraction",
        "neutral",
        LEAST_MEAN,
        UNIT,
        formula=f"mean over texts of [any answer flips under {_READ}]",
        beside=("identify.answers.tvd.mean",),
        traps="An answer at the border of two classes can flip by rounding alone.",
        source="this tool's own",
    ),
)

_TOKENS = "Tokens are counted head by head, special tokens too."
INTERVALS = (
    MetricSpec(
        "identify.necessary.mean",
        "The share of tokens that need some weight: no weights that leave what the head gives as it"
        " is do without them.",
        "fraction",
        "neutral",
        LEAST_MEAN,
        UNIT,
        formula="mean over texts and heads of the share of tokens with min b_j > 1e-6",
        beside=("identify.dispensable.mean", "identify.width.mean"),
        traps=f"{_LENGTH} {_TOKENS}",
        source=_NAIM,
    ),
    MetricSpec(
        "identify.dispensable.mean",
        "The share of tokens that can have no weight: the other tokens can give what the head gives"
        " without them.",
        "fraction",
        "neutral",
        LEAST_MEAN,
        UNIT,
        formula="mean over texts and heads of the share of tokens with min b_j <= 1e-6",
        beside=("identify.necessary.mean",),
        traps=f"Not all of them can have no weight at once. {_TOKENS}",
        source=_NAIM,
    ),
    MetricSpec(
        "identify.width.mean",
        "How far the weight of a token can move, on average, while what the head gives stays as it "
        "is.",
        "weight",
        "neutral",
        LEAST_MEAN,
        UNIT,
        formula="mean over texts, heads and tokens of max b_j - min b_j",
        beside=("identify.identified.mean",),
        traps="Compare it with a mean weight, 1 / n. Other weights move along.",
        source=_NAIM,
    ),
    MetricSpec(
        "identify.support.mean",
        "The smallest share of tokens found that can have all the weight while what the head gives "
        "stays as it is.",
        "fraction",
        "neutral",
        LEAST_MEAN,
        UNIT,
        formula="mean over texts and heads of tokens with b_j > 1e-9 by n, of the sparsest corner",
        beside=("identify.dispensable.mean",),
        traps="The search looks at corners that it met, and fewer tokens may do. As many as the "
        "rank of [V, 1] always do.",
        source=_NAIM,
    ),
)

OTHERS = (
    MetricSpec(
        "identify.others.share",
        "The share of heads for which Newton's method found other weights that a query makes and "
        "that leave what the head gives as it is.",
        "fraction",
        "neutral",
        LEAST_MEAN,
        UNIT,
        formula="mean over texts of the share of heads with a solution farther than .001 in TVD",
        beside=("identify.unique.producible", "identify.others.unsolved"),
        traps="More starts find more. A search that finds nothing proves nothing.",
        source=_BHARDWAJ,
    ),
    MetricSpec(
        "identify.others.jsd.mean",
        "How far the farthest such weights are from the model's own, where some were found.",
        "Jensen-Shannon divergence",
        "neutral",
        LEAST_MEAN,
        JSD,
        formula="mean over texts of the mean over heads with other weights of the largest JSD",
        beside=("identify.others.share",),
        traps="It leaves out the heads for which nothing was found.",
        source=_BHARDWAJ,
    ),
    MetricSpec(
        "identify.others.unsolved",
        "The share of the starts from which Newton's method reached no solution.",
        "fraction",
        "neutral",
        LEAST_MEAN,
        UNIT,
        formula="mean over texts and heads of unsolved starts by starts",
        beside=("identify.others.share",),
        traps="If it is large, the search has seen little.",
        source="this tool's own",
    ),
)

SPECS = (*FREEDOM, *ANSWERS, *INTERVALS, *OTHERS)
