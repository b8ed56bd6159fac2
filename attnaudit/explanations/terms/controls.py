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
        beside=("probe.base-uniform.score_gap",),
        source="Wiegreffe & Pinter 2019, section 3.4",
    ),
    Entry(
        "control",
        "shuffled guide",
        "A probe under the audited model's weights, shuffled within each text.",
        beside=("probe.base-shuffled.score_gap",),
        traps="If the probe does as well, it helps that the weights are uneven, and not on which "
        "words they lie.",
        source="this tool's own",
    ),
    Entry(
        "control",
        "untrained guide",
        "A probe under the attention that the audited model had before it was trained.",
        beside=("probe.base-untrained.score_gap",),
        traps="If the probe does as well, the training has taught the attention nothing that "
        "helps: the architecture alone gives as much.",
        source="this tool's own",
    ),
    Entry(
        "control",
        "position guide",
        "A probe under attention that depends on the place in the text alone: the mean of the "
        "audited model's at that place.",
        formula="mean over train texts of the weight in each hundredth of a text",
        beside=("probe.base-position.score_gap",),
        traps="If the probe does as well, it helps at which place the weights lie, whatever "
        "stands there.",
        source="this tool's own",
    ),
    Entry(
        "control",
        "leak control",
        "Models of the audited recipe that learn from texts without the attended words, against "
        "models that learn from texts without as many other words.",
        formula="removed: the fewest words that hold half of the attention, at most one in five",
        beside=("probe.leak.score_gap", "probe.leak.whole"),
        traps="If the first do as well, the other words carry the evidence as well. If they do "
        "better, the words that are left betray the answer.",
        source="this tool's own; removal in training as in Hooker et al. 2019, section 3",
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
