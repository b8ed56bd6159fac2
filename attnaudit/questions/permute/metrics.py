"""Metrics of `permute`."""

from __future__ import annotations

from attnaudit.records.metric import LEAST_MEAN, UNIT, MetricSpec

_PAPER = "Jain & Wallace 2019, section 4.2.1"
_BESIDE = ("permute.conicity.mean", "permute.all_erased.tvd.mean")

SPECS = (
    MetricSpec(
        "permute.tvd.median",
        "How far the answer to a typical text moves when its attention weights are shuffled among "
        "its words.",
        "total variation distance",
        "higher",
        LEAST_MEAN,
        UNIT,
        formula="median over texts of median over permutations of TVD(p(shuffled), p)",
        beside=_BESIDE,
        traps="The model never computes shuffled weights. If all states are alike, the answer "
        "cannot move, even if the attention is right.",
        source=_PAPER,
    ),
    MetricSpec(
        "permute.tvd.mean",
        "How far the answers move on average when the attention weights of a text are shuffled "
        "among its words.",
        "total variation distance",
        "higher",
        LEAST_MEAN,
        UNIT,
        formula="mean over texts of median over permutations of TVD(p(shuffled), p)",
        beside=_BESIDE,
        traps="A few texts with large changes can make the mean large. The median does not show "
        "them.",
        source=_PAPER,
    ),
    MetricSpec(
        "permute.unmoved",
        "The share of texts whose answer hardly depends on which word has which attention weight.",
        "fraction",
        "lower",
        LEAST_MEAN,
        UNIT,
        formula="mean over texts of [median over permutations of TVD(p(shuffled), p) < .05]",
        beside=_BESIDE,
        traps="A very confident answer can stay although its log-odds move a lot.",
        source=f"{_PAPER}; the bound of .05 is this tool's own",
    ),
    MetricSpec(
        "permute.all_erased.tvd.mean",
        "How far the answers move on average when all attention weights on the content are set "
        "to 0: a control.",
        "total variation distance",
        "neutral",
        LEAST_MEAN,
        UNIT,
        formula="mean of TVD(p(content weights 0), p)",
        beside=("permute.tvd.median", "residual ratio"),
        traps="Near 0 the answer goes around the attention, so shuffling cannot matter and "
        "proves nothing.",
        source="this tool's own",
    ),
    MetricSpec(
        "permute.uniform_layers.tvd.mean",
        "How far the answers move on average when every row of every head and layer shares its "
        "weight on the words evenly: a control, for models of several layers.",
        "total variation distance",
        "neutral",
        LEAST_MEAN,
        UNIT,
        formula="mean of TVD(p(weights on words uniform in all layers), p)",
        beside=("permute.tvd.median", "permute.all_erased.tvd.mean"),
        traps="Where this is large and the shuffled weights of one layer move little, the other "
        "layers decide. They are not audited here.",
        source="this tool's own",
    ),
    MetricSpec(
        "permute.conicity.mean",
        "How alike the vectors are that the attention averages: 1 if they all point the same way.",
        "cosine",
        "neutral",
        LEAST_MEAN,
        UNIT,
        formula="mean over texts, heads and positions t of |cos(v_t, mean of v)|",
        beside=("permute.tvd.median",),
        traps="Near 1 every weighted mean is nearly the same vector, so no change of the weights "
        "can move an answer.",
        source="Chandrahas et al. 2018; Mohankumar et al. 2020",
    ),
)
