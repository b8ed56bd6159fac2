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
        "shuffled attention",
        "Attention whose weights are shuffled among the words of each text: as peaked as before, "
        "but not at the same places.",
        beside=("stability.shuffled_jsd.mean", "probe.base-shuffled.score_gap"),
        traps="If two seeds differ as much as that, they agree by chance only. If a probe does as "
        "well with it, it profits from how peaked the weights are.",
        source="this tool's own",
        aliases=("shuffled guide",),
    ),
    Entry(
        "control",
        "peaked random attention",
        "The audited model's own weights, shuffled once among the words of each text, in place of "
        "uniform ones.",
        beside=("necessity.peaked_score.mean", "necessity.score_gap"),
        traps="If it scores like learned attention, it helps the model to read few words, "
        "whichever they are.",
        source="this tool's own",
        aliases=("peaked", "peaked attention"),
    ),
    Entry(
        "control",
        "untrained guide",
        "A probe under the attention of a model of the recipe that was not trained.",
        beside=("probe.base-untrained.score_gap",),
        traps="If the probe does as well with it, training taught the attention nothing that the "
        "probe can use.",
        source="this tool's own",
        aliases=("untrained",),
    ),
    Entry(
        "control",
        "position guide",
        "A probe under the mean attention at each place of a text, whatever word stands there.",
        beside=("probe.base-position.score_gap",),
        traps="If the probe does as well with it, places matter to it and not the words there.",
        source="this tool's own",
        aliases=("position-only guide", "position"),
    ),
    Entry(
        "control",
        "shuffled labels",
        "A model of the recipe that is trained on texts whose labels were shuffled.",
        beside=("seed_baseline.permuted_jsd.mean",),
        traps="If it attends like the audited model, the attention does not come from the task.",
        source="this tool's own; compare Zhang et al. 2017",
        aliases=("label-permuted model",),
    ),
    Entry(
        "control",
        "random heatmaps",
        "Heatmaps with the weights of a text at random places, for which support is judged too.",
        beside=("erase.unsupported.random", "supported"),
        traps="If they are supported as often, the test of support says nothing on this model.",
        source="this tool's own",
    ),
    Entry(
        "control",
        "leak control",
        "A model of the recipe that is trained on texts without the attended words, against one "
        "trained on texts without as many random other words.",
        formula="removed: the fewest words that hold half the mass, from 1 to a fifth of them; "
        "figure: score(other words removed) - score(attended words removed)",
        beside=("probe.leak.score_gap", "probe.removed_attended.score", "out_of_context"),
        traps="Near 0 the words can be replaced, as where the evidence stands twice. Below -delta "
        "what is left betrays the answer by the choice of words.",
        source="this tool's own; removal as in Hooker et al. 2019, section 3",
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
