"""What results are checked against."""

from __future__ import annotations

from attnaudit.explanations.entry import Entry

CONTROLS = (
    Entry(
        "control",
        "floor",
        "What a random ranking of the words gives: the value that a useful ranking must beat.",
        beside=("random",),
        traps="A figure near the floor says nothing, however large it looks.",
        source="this tool's own",
        aliases=("random ranking", "random floor"),
    ),
    Entry(
        "control",
        "optimum",
        "The best possible order of erasing, found by trying all sets of items of a short text.",
        beside=("erase.flip_fraction.optimum", "optimum_items"),
        traps="It is known for texts of few items only; compare it on those.",
        source="this tool's own",
        aliases=("best possible order",),
    ),
    Entry(
        "control",
        "reference",
        "How well two importances agree with each other, which agreement with attention is read "
        "against.",
        beside=("correlate.gradient~leave_one_out.tau.mean",),
        traps="It is no upper bound: attention may agree with one of them better.",
        source="Jain & Wallace 2019, section 4.1",
    ),
    Entry(
        "control",
        "erased",
        "The audited model with all attention weights on the content set to 0.",
        beside=(
            "seed_baseline.control.erased.tvd.mean",
            "erase.all.tvd.mean",
            "permute.all_erased.tvd.mean",
        ),
        traps="If its answers stay, something goes around the attention, and no finding is "
        "against it.",
        source="this tool's own",
        aliases=("all content erased", "content erased"),
    ),
    Entry(
        "control",
        "uniform layers",
        "The audited model with uniform attention in all layers, heads and rows.",
        beside=("seed_baseline.control.uniform_layers.tvd.mean",),
        traps="If its answers stay, the model does not need its attention at all for this task.",
        source="this tool's own",
        aliases=("all layers uniform",),
    ),
    Entry(
        "control",
        "uniform guide",
        "A probe under uniform attention, which any useful guide must beat.",
        beside=("probe.base-uniform.f1_gap",),
        source="Wiegreffe & Pinter 2019, section 3.4",
    ),
    Entry(
        "control",
        "leak control",
        "A model of the audited recipe that learns from texts whose attended words are hidden.",
        formula="hidden: the fewest words that hold .8 of the attention; their embedding is 0",
        beside=("probe.base-leak.f1_gap",),
        traps="If it does as well as the probe, the attention tells the label by its place, and "
        "not by the words there.",
        source="this tool's own; hiding as in Hooker et al. 2019, section 3",
        aliases=("leak", "leak guide"),
    ),
    Entry(
        "control",
        "majority",
        "A constant answer: always the most frequent class.",
        beside=("model.majority_accuracy",),
        traps="No finding rests on a model that does not beat it.",
        source="common usage",
        aliases=("constant answer", "constant guess"),
    ),
)
