"""What the tests do to weights, texts and models."""

from __future__ import annotations

from attnaudit.explanations.entry import Entry

_ADVERSARY = "Wiegreffe & Pinter 2019, section 4"
_SEEDS = "Wiegreffe & Pinter 2019, section 3.3"
_PROBE = "Wiegreffe & Pinter 2019, section 3.4"

TERMS = (
    Entry(
        "term",
        "permutation",
        "The attention weights of a text in another order: each word gets the weight of another.",
        beside=("permute.tvd.median", "conicity"),
        traps="The model never computes such weights.",
        source="Jain & Wallace 2019, section 4.2.1",
        aliases=("shuffle", "shuffled"),
    ),
    Entry(
        "term",
        "erasure",
        "Setting attention weights to 0 and scaling up those that remain, to the same sum.",
        beside=("flip fraction", "erased"),
        traps="It takes away a vector, not a word. Where nothing remains, all content weights are "
        "0.",
        source="Serrano & Smith 2019, section 3",
        aliases=("erase weights",),
    ),
    Entry(
        "term",
        "supported",
        "A text is supported if setting the attention weights of its highlighted words to zero "
        "moves the answer more than for other words.",
        "The highlighted words are the fewest with the largest weights that hold half of the "
        "attention, and at most a fifth of the words. The remaining weights are not scaled up. "
        "Texts with fewer than 5 different draws of other words are not judged.",
        formula="TVD(p(a without S), p) > max(.01, largest TVD of 19 draws of as many other words)",
        beside=("erase.unsupported.attention", "erase.unsupported.random", "erasure"),
        traps="A pass proves nothing. One word that is like the others passes once in 20 times, "
        "several words more often, and attention that lies beside the evidence can pass.",
        source="this tool's own",
        aliases=("unsupported", "support", "highlighted words"),
    ),
    Entry(
        "term",
        "detached weights",
        "Attention weights that are put into a model, whether or not it could compute them.",
        beside=("per-instance adversary",),
        traps="Long texts and confident answers make it easy to find other weights with the same "
        "answer. This result alone does not count against attention.",
        source="Wiegreffe & Pinter 2019, section 2",
        aliases=("detached",),
    ),
    Entry(
        "term",
        "adversary",
        "Attention that differs as much as possible from the model's while the answers stay.",
        beside=(
            "per-instance adversary",
            "model-consistent adversary",
            "instance-adversary",
            "model-adversary",
        ),
        traps="There are two kinds, and only one of them must be a model.",
        source="Jain & Wallace 2019, section 4.2.2; Wiegreffe & Pinter 2019, section 4",
        aliases=("adversarial attention", "adversaries"),
    ),
    Entry(
        "term",
        "per-instance adversary",
        "For one text, the weights farthest from the model's under which its answer stays within "
        "epsilon.",
        formula="max JSD(b, a) over weights b with TVD(p(b), p(a)) <= epsilon",
        beside=("detached weights", "epsilon", "instance-adversary"),
        traps="It describes and decides nothing: on long texts nearly everything is possible.",
        source="Jain & Wallace 2019, section 4.2.2",
    ),
    Entry(
        "term",
        "model-consistent adversary",
        "A model trained anew to answer as the audited model does and to attend otherwise.",
        formula="minimise the mean of TVD(answers) - lambda KL(its attention, the audited one's)",
        beside=("imitator", "lambda", "model-adversary"),
        traps="Compare it with imitators, which also move away although nothing pushes them.",
        source=_ADVERSARY,
        aliases=("model-consistent",),
    ),
    Entry(
        "term",
        "imitator",
        "A model trained anew to answer as the audited model does, which may attend as it likes.",
        formula="minimise the mean of TVD(answers); the adversary with lambda 0",
        beside=("model-consistent adversary", "excess JSD"),
        traps="Imitators that attend differently show that the answers do not need this attention.",
        source=_ADVERSARY,
        aliases=("imitators", "imitation"),
    ),
    Entry(
        "term",
        "lambda",
        "How much an adversary is rewarded for attending otherwise, against answering alike.",
        formula="objective = TVD - lambda KL",
        range="[0, inf); 0 gives imitators",
        beside=("model-consistent adversary", "sweep"),
        traps="Here TVD goes from 0 to 1. The authors' code halves it for two classes, so that our "
        "lambda is twice theirs.",
        source=_ADVERSARY,
    ),
    Entry(
        "term",
        "sweep",
        "A series of adversaries with growing lambda, and more where the answers begin to suffer.",
        beside=("lambda", "lambdas"),
        traps="A sweep that never moves the attention far shows nothing.",
        source=_ADVERSARY,
    ),
    Entry(
        "term",
        "TVD-JSD curve",
        "What other attention costs: how far answers move (TVD) when the attention moves so far "
        "(JSD).",
        beside=("adversary.model.area", "adversary.model[jsd=0.4].tvd"),
        traps="It joins the means of each lambda with straight lines.",
        source=_ADVERSARY,
        aliases=("curve",),
    ),
    Entry(
        "term",
        "epsilon",
        "How far the answer may move, as a TVD, and still count as the same answer.",
        range="[1e-05, 1); by default 0.01",
        beside=("per-instance adversary",),
        traps="A larger epsilon always allows other weights that lie farther away.",
        source="Jain & Wallace 2019, section 4.2.2",
    ),
    Entry(
        "term",
        "budget",
        "How far the answers of a trained model may move and still count as the same answers: as "
        "far as those of one further seed would.",
        formula="for TVD, label flips and loss of score each: mean + t(p, S - 1) sd "
        "sqrt(1 + 1/S) over S seeds, p = 1 - .2/3; at least .005, 2/n and .005",
        beside=("excess JSD", "seed_baseline.tvd.mean"),
        traps="It is fixed before the adversaries are looked at. Seeds that disagree a lot make it "
        "large.",
        source="this tool's own",
        aliases=("room",),
    ),
    Entry(
        "term",
        "excess JSD",
        "How much farther an adversary within the budget moves the attention than imitators do.",
        formula="JSD(adversary, audited) - JSD(imitator, audited), the adversary chosen on dev",
        unit="nats",
        range="[-ln 2, ln 2]",
        better="lower: harder to manipulate",
        beside=(
            "manipulation.adversary_excess_jsd",
            "manipulation.units_excess_jsd",
            "budget",
            "imitator",
        ),
        traps="A weak sweep gives a small excess as well. A seed without an adversary within the "
        "budget counts as missing, not as 0.",
        source="this tool's own",
        aliases=("excess",),
    ),
    Entry(
        "term",
        "unit",
        "One start and one seed of the adversary: its imitator, and its adversaries of all "
        "lambdas.",
        beside=("imitator", "lambda", "warm start"),
        traps="What words are shown is another unit: see `word`.",
        source="this tool's own",
        aliases=("units",),
    ),
    Entry(
        "term",
        "warm start",
        "To train an imitator or an adversary on from a model that seed-baseline has trained.",
        beside=("imitator", "recipe"),
        traps="From scratch many imitators never learn the answers. Both kinds of start are used.",
        source="this tool's own",
        aliases=("warm", "warm-started", "scratch"),
    ),
    Entry(
        "term",
        "converged",
        "Trained until the loss on dev stops falling, for at most 3 times the epochs of the "
        "recipe.",
        beside=("necessary", "recipe"),
        traps="A model that still improves at the end leaves `necessary` not assessed.",
        source="this tool's own",
        aliases=("convergence", "stopped improving"),
    ),
    Entry(
        "term",
        "seed",
        "The number from which a training draws all that is random, such as its first weights.",
        beside=("recipe", "seed_baseline.jsd.mean_over_seeds"),
        traps="One seed is one draw: other seeds may attend to other words.",
        source=_SEEDS,
        aliases=("random seed",),
    ),
    Entry(
        "term",
        "recipe",
        "How a model is made: its kind, its sizes and its training, all but the seed.",
        beside=("seed",),
        traps="Findings need a recipe that reproduces the score of the audited model.",
        source="this tool's own",
    ),
    Entry(
        "term",
        "uniform attention",
        "Attention with the same weight on each word.",
        formula="a_t = 1 / n",
        beside=("necessity.score_gap",),
        traps="A model trained with it shows what the recipe gains from learned attention.",
        source="Wiegreffe & Pinter 2019, section 3.2",
        aliases=("frozen uniform attention", "uniform"),
    ),
    Entry(
        "term",
        "probe",
        "A classifier that sees each word by itself, and attends as a guide says.",
        beside=("guide", "leak control"),
        traps="It shows whether the attention is useful elsewhere, not how the model uses it.",
        source=_PROBE,
        aliases=("probes",),
    ),
    Entry(
        "term",
        "guide",
        "The attention weights that a probe must use in place of its own.",
        beside=("probe", "uniform guide", "base guide", "trained guide", "leak control"),
        traps="Guides that spell the label out help a probe too.",
        source=_PROBE,
        aliases=("imposed attention",),
    ),
    Entry(
        "term",
        "base guide",
        "The guide that is the audited model's own attention.",
        beside=("probe.base-uniform.f1_gap",),
        source=_PROBE,
        aliases=("base",),
    ),
    Entry(
        "term",
        "trained guide",
        "No guide: the probe learns attention of its own.",
        beside=("probe.trained-uniform.f1_gap",),
        source=_PROBE,
        aliases=("trained",),
    ),
    Entry(
        "term",
        "rationale",
        "The words of a text that people marked as the reason for its label.",
        beside=("plausibility",),
        traps="People's reasons need not be the model's.",
        source="DeYoung et al. 2020 (ERASER)",
        aliases=("rationales",),
    ),
)
