"""What results are checked against."""

from __future__ import annotations

from attnaudit.explanations.entry import Entry

CONTROLS = (
    Entry(
        "control",
        "floor",
        "The value that a random ranking of the words gives, which a useful ranking must beat.",
        beside=("random",),
        traps="A figure near the floor says nothing, even if it looks large.",
        source="this tool's own",
        aliases=("random ranking", "random floor"),
    ),
    Entry(
        "control",
        "optimum",
        "The best possible order of erasing, found by trying all sets of items of a short text.",
        beside=("erase.flip_fraction.optimum", "optimum_items"),
        traps="It is known only for texts of few items. Compare it on those texts.",
        source="this tool's own",
        aliases=("best possible order",),
    ),
    Entry(
        "control",
        "reference",
        "How well two importances agree with each other, for comparison with how well "
        "attention agrees with them.",
        beside=("correlate.gradient~leave_one_out.tau.mean",),
        traps="It is not an upper bound: attention may agree better with one of them.",
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
        traps="If its answers stay the same, something goes around the attention, and no finding "
        "can be against it.",
        source="this tool's own",
        aliases=("all content erased", "content erased"),
    ),
    Entry(
        "control",
        "uniform layers",
        "The audited model with uniform attention in all layers, heads and rows.",
        beside=(
            "seed_baseline.control.uniform_layers.tvd.mean",
            "permute.uniform_layers.tvd.mean",
        ),
        traps="If its answers stay the same, the model does not need its attention at all for "
        "this task.",
        source="this tool's own",
        aliases=("all layers uniform",),
    ),
    Entry(
        "control",
        "uniform guide",
        "A probe with uniform weights, which a useful guide must beat.",
        beside=("probe.base-uniform.f1_gap",),
        source="Wiegreffe & Pinter 2019, section 3.4",
    ),
    Entry(
        "control",
        "shuffled attention",
        "Attention whose weights are shuffled among the words of each text: as uneven as "
        "before, but on other words.",
        beside=("stability.shuffled_jsd.mean", "probe.base-shuffled.score_gap"),
        traps="If two seeds differ as much as this, they agree only by chance. If a probe does "
        "as well with it, only the unevenness of the weights helps.",
        source="this tool's own",
        aliases=("shuffled guide",),
    ),
    Entry(
        "control",
        "peaked random attention",
        "The audited model's own weights, shuffled once among the words of each text, so they "
        "are uneven but on random words.",
        beside=("necessity.peaked_score.mean", "necessity.score_gap"),
        traps="If it scores like learned attention, reading few words helps the model, and it "
        "does not matter which.",
        source="this tool's own",
        aliases=("peaked", "peaked attention", "uneven random attention", "uneven random weights"),
    ),
    Entry(
        "control",
        "random attention",
        "Models whose attention says nothing of the words, in training and after: one kind has "
        "weights drawn at random for each text, the other learned weights that change places at "
        "random.",
        formula="random: u_t / sum of u, u_t uniform on (0, 1); reordered: alpha_pi(t), pi a "
        "random permutation of the words, in training another one each time",
        beside=("necessity.random_gap", "necessity.reordered_gap", "necessity.score_gap"),
        traps="They are trained with --random-attention only. If they score like learned "
        "attention, the task does not need attention.",
        source="Vashishth et al. 2019; how weights are drawn is this tool's own",
        aliases=("reordered", "reordered attention", "random weights", "random order"),
    ),
    Entry(
        "control",
        "untrained guide",
        "A probe with the attention of a model of the recipe that was not trained.",
        beside=("probe.base-untrained.score_gap",),
        traps="If the probe does as well with it, training taught the attention nothing that a "
        "probe can use.",
        source="this tool's own",
        aliases=("untrained",),
    ),
    Entry(
        "control",
        "position guide",
        "A probe with the mean attention at each position of a text, no matter which word is "
        "there.",
        beside=("probe.base-position.score_gap",),
        traps="If the probe does as well with it, positions matter and not the words there.",
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
        "Heatmaps in which the weights of a text are shuffled among its words; the test of "
        "support judges them, too.",
        beside=("erase.unsupported.random", "supported"),
        traps="If they are supported as often, the test of support says nothing about this model.",
        source="this tool's own",
    ),
    Entry(
        "control",
        "leak control",
        "Two models of the recipe are compared: one trained on texts without the attended "
        "words, one on texts without the same number of random other words.",
        formula="removed: the words with the largest weights that together have half of the "
        "attention, at least 1, at most a fifth; figure: score(other words removed) - "
        "score(attended words removed)",
        beside=("probe.leak.score_gap", "probe.removed_attended.score", "out_of_context"),
        traps="Near 0 other words can replace them, for example if the evidence occurs twice. "
        "Below -delta the remaining words give the answer away.",
        source="this tool's own; removal as in Hooker et al. 2019, section 3",
        aliases=("leak", "leak guide"),
    ),
    Entry(
        "control",
        "majority",
        "A constant answer: always the most frequent class.",
        beside=("model.majority_accuracy",),
        traps="There are no findings for a model that does not beat it.",
        source="common usage",
        aliases=("constant answer", "constant guess"),
    ),
)
