"""What the tests do to weights, texts and models."""

from __future__ import annotations

from attnaudit.explanations.entry import Entry

_ADVERSARY = "Wiegreffe & Pinter 2019, section 4"
_SEEDS = "Wiegreffe & Pinter 2019, section 3.3"
_FRESH = "Jain et al. 2020, section 4"
_OWN = "this tool's own"
_PROBE = "Wiegreffe & Pinter 2019, section 3.4"

TERMS = (
    Entry(
        "term",
        "permutation",
        "The attention weights of a text in another order, so that words get the weights of "
        "other words.",
        beside=("permute.tvd.median", "conicity"),
        traps="The model itself never computes such weights.",
        source="Jain & Wallace 2019, section 4.2.1",
        aliases=("shuffle", "shuffled"),
    ),
    Entry(
        "term",
        "erasure",
        "Setting attention weights to 0 and scaling up the remaining weights to the same sum.",
        beside=("flip fraction", "erased"),
        traps="It removes a vector, not a word. If nothing remains, all content weights are 0.",
        source="Serrano & Smith 2019, section 3",
        aliases=("erase weights",),
    ),
    Entry(
        "term",
        "supported",
        "A text is supported if its answer moves more when the weights of its highlighted "
        "words are set to zero than when those of other words are.",
        "The highlighted words are the words with the largest weights that together have half "
        "of the attention, but at most a fifth of the words. The remaining weights are not "
        "scaled up. Texts with fewer than 5 different draws of other words are not judged.",
        formula="TVD(p(a without S), p) > max(.01, largest TVD of 19 draws of as many other words)",
        beside=("erase.unsupported.attention", "erase.unsupported.random", "erasure"),
        traps="A supported text proves nothing. One word that is like the others passes once in "
        "20 times, and several words more often. Attention that lies next to the evidence "
        "can pass, too.",
        source="this tool's own",
        aliases=("unsupported", "support", "highlighted words"),
    ),
    Entry(
        "term",
        "detached weights",
        "Attention weights that are put into a model from outside; the model may be unable to "
        "compute them.",
        beside=("per-instance adversary",),
        traps="Long texts and confident answers make it easy to find other weights with the same "
        "answer. This result alone does not count against attention.",
        source="Wiegreffe & Pinter 2019, section 2",
        aliases=("detached",),
    ),
    Entry(
        "term",
        "producible weights",
        "Attention weights that a head would give for some query, with the keys of the text as "
        "they are.",
        formula="softmax(K q' / sqrt d) for any vector q'",
        beside=("detached weights", "identify"),
        traps="The layers below may be unable to make that query. In classic models the query is "
        "learned, and the same for all texts.",
        source="after Bhardwaj et al. 2021; that the keys are held is this tool's own",
        aliases=("producible",),
    ),
    Entry(
        "term",
        "rung",
        "What of a model may change when other attention with the same answer is looked for: the "
        "weights, the query, the state of the audited row, the word embeddings or the parameters.",
        formula="the state and the embeddings stay in a ball (L2): an embedding moves by at most "
        "radius times the median distance of a word to its nearest neighbour in the table of "
        "embeddings, and a state by at most radius times its own length",
        beside=("detached weights", "producible weights", "ladder"),
        traps="The sizes of the balls are a choice. Weights can do all that a query can do; "
        "otherwise no rung can do all that another can do. What a search finds is a lower bound.",
        source="this tool's own",
        aliases=("ladder of alternatives", "rungs", "nearest neighbour"),
    ),
    Entry(
        "term",
        "influence pattern",
        "A path from a word through one position of each layer to the answer, and there through "
        "one head or past all heads; with the influence that goes along it.",
        formula="mean over points z from the baseline to the text of dq/dn_L dn_L/dn_(L-1) ... "
        "dn_1/dx (x - b), n_l the state on the path after layer l, q the log-odds of the class",
        range="any number; the patterns of a word add up to its influence",
        beside=("patterns", "site"),
        traps="The path is found greedily, layer by layer, so that another one may carry more. It "
        "depends on the baseline. Influence is what small changes do, along the way to the text.",
        source="Lu et al. 2021",
        aliases=("path influence",),
    ),
    Entry(
        "term",
        "freedom",
        "The number of directions in which the weights of a head can change while the head gives "
        "the same.",
        formula="n - rank [V, 1] for any weights on n tokens with the values V",
        range="0 to n - 1",
        beside=("detached weights", "producible weights", "identify"),
        traps="It counts directions, and does not say how far the weights can go. A head of d "
        "dimensions always leaves freedom in texts of more than d + 1 tokens, if any weights are "
        "allowed.",
        source="after Brunner et al. 2020, section 3",
        aliases=("identifiability", "identifiable", "pinned down"),
    ),
    Entry(
        "term",
        "adversary",
        "Attention that differs as much as possible from the model's while the answers stay "
        "the same.",
        beside=(
            "per-instance adversary",
            "model-consistent adversary",
            "instance-adversary",
            "model-adversary",
        ),
        traps="There are two kinds: weights for a single text, and a whole model.",
        source="Jain & Wallace 2019, section 4.2.2; Wiegreffe & Pinter 2019, section 4",
        aliases=("adversarial attention", "adversaries"),
    ),
    Entry(
        "term",
        "per-instance adversary",
        "For one text, the weights farthest from the model's that move the answer by at most "
        "epsilon.",
        formula="max JSD(b, a) over weights b with TVD(p(b), p(a)) <= epsilon",
        beside=("detached weights", "epsilon", "instance-adversary"),
        traps="It describes the model and decides no finding: in long texts nearly everything is "
        "possible.",
        source="Jain & Wallace 2019, section 4.2.2",
    ),
    Entry(
        "term",
        "model-consistent adversary",
        "A new model that is trained to give the same answers as the audited model but to "
        "attend to other words.",
        formula="minimise the mean of TVD(answers) - lambda KL(its attention, the audited one's)",
        beside=("imitator", "lambda", "model-adversary"),
        traps="Compare it with imitators. Their attention moves away as well, although nothing "
        "pushes it.",
        source=_ADVERSARY,
        aliases=("model-consistent",),
    ),
    Entry(
        "term",
        "imitator",
        "A new model that is trained to give the same answers as the audited model, and is "
        "free to attend to any words.",
        formula="minimise the mean of TVD(answers); the adversary with lambda 0",
        beside=("model-consistent adversary", "excess JSD"),
        traps="If imitators attend differently, the answers do not need this attention.",
        source=_ADVERSARY,
        aliases=("imitators", "imitation"),
    ),
    Entry(
        "term",
        "lambda",
        "How much training rewards an adversary for attending to other words, against giving "
        "the same answers.",
        formula="objective = TVD - lambda KL",
        range="[0, inf); 0 gives imitators",
        beside=("model-consistent adversary", "sweep"),
        traps="Here TVD goes from 0 to 1. The authors' code halves it for two classes, so our "
        "lambda is twice theirs.",
        source=_ADVERSARY,
    ),
    Entry(
        "term",
        "sweep",
        "A series of adversaries with growing lambda, with more lambdas near the point where "
        "the answers begin to change.",
        beside=("lambda", "lambdas"),
        traps="A sweep that never moves the attention far shows nothing.",
        source=_ADVERSARY,
    ),
    Entry(
        "term",
        "TVD-JSD curve",
        "How far the answers move (TVD) when the attention moves by a given distance (JSD).",
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
        traps="A larger epsilon always allows weights that are farther away.",
        source="Jain & Wallace 2019, section 4.2.2",
    ),
    Entry(
        "term",
        "budget",
        "How far the answers of a trained model may move and still count as the same: as far "
        "as those of one further seed would move.",
        formula="for TVD, label flips and loss of score each: mean + t(p, S - 1) sd "
        "sqrt(1 + 1/S) over S seeds, p = 1 - .2/3; at least .005, 2/n and .005",
        beside=("excess JSD", "seed_baseline.tvd.mean"),
        traps="It is fixed before anyone looks at the adversaries. Seeds that disagree a lot "
        "make it large.",
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
        traps="A weak sweep gives a small excess, too. A seed without an adversary within the "
        "budget counts as missing, not as 0.",
        source="this tool's own",
        aliases=("excess",),
    ),
    Entry(
        "term",
        "unit",
        "An imitator and the adversaries of all lambdas that have the same start and the same "
        "seed.",
        beside=("imitator", "lambda", "warm start"),
        traps="Do not confuse it with the unit in which words are shown: see `word`.",
        source="this tool's own",
        aliases=("units",),
    ),
    Entry(
        "term",
        "warm start",
        "To start the training of an imitator or an adversary from a model that seed-baseline "
        "has trained.",
        beside=("imitator", "recipe"),
        traps="From scratch, many imitators never learn the answers. The tool uses both kinds of "
        "start.",
        source="this tool's own",
        aliases=("warm", "warm-started", "scratch"),
    ),
    Entry(
        "term",
        "converged",
        "Trained until the loss on dev stops falling, for at most 3 times the epochs of the "
        "recipe.",
        beside=("necessary", "recipe"),
        traps="If a model is still improving at the end, `necessary` is not assessed.",
        source="this tool's own",
        aliases=("convergence", "stopped improving"),
    ),
    Entry(
        "term",
        "seed",
        "The number that decides all random choices of a training, such as its first weights.",
        beside=("recipe", "seed_baseline.jsd.mean_over_seeds"),
        traps="One seed is one random draw: models with other seeds may attend to other words.",
        source=_SEEDS,
        aliases=("random seed",),
    ),
    Entry(
        "term",
        "recipe",
        "How a model is made: its kind, its sizes and its training, everything except the seed.",
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
        traps="A model trained with it shows how much the recipe gains from learned attention.",
        source="Wiegreffe & Pinter 2019, section 3.2",
        aliases=("frozen uniform attention", "uniform"),
    ),
    Entry(
        "term",
        "probe",
        "A simple classifier that sees each word by itself, and must use the attention weights "
        "of a guide.",
        beside=("guide", "leak control"),
        traps="It shows whether the attention is useful to another model, not how this model "
        "uses it.",
        source=_PROBE,
        aliases=("probes",),
    ),
    Entry(
        "term",
        "guide",
        "The attention weights that a probe must use instead of its own.",
        beside=("probe", "uniform guide", "base guide", "trained guide", "leak control"),
        traps="A guide that gives the label away also helps a probe.",
        source=_PROBE,
        aliases=("imposed attention",),
    ),
    Entry(
        "term",
        "base guide",
        "The audited model's own attention, used as a guide.",
        beside=("probe.base-uniform.f1_gap",),
        source=_PROBE,
        aliases=("base",),
    ),
    Entry(
        "term",
        "trained guide",
        "No guide: the probe learns its own attention.",
        beside=("probe.trained-uniform.f1_gap",),
        source=_PROBE,
        aliases=("trained",),
    ),
    Entry(
        "term",
        "rationale",
        "The words of a text that stand for the reason of its label: people marked them, or the "
        "scores of a model chose them.",
        beside=("plausibility", "rationalize"),
        traps="The reasons of people may differ from the model's reasons. A chosen rationale says "
        "nothing on why it was chosen.",
        source="DeYoung et al. 2020 (ERASER); Jain et al. 2020",
        aliases=("rationales", "rationalise"),
    ),
    Entry(
        "term",
        "support model",
        "The model whose attention, or another score, chooses the words of a rationale.",
        beside=("rationalize", "faithful by construction"),
        traps="It sees the full text. Nothing says that it uses the words that its scores choose.",
        source=_FRESH,
    ),
    Entry(
        "term",
        "predictor",
        "A model that is trained and tested on the rationales of texts, and sees no other word.",
        beside=("rationalize", "support model"),
        traps="It is another model than the support model, so its answers do not explain those of "
        "the support model.",
        source=_FRESH,
        aliases=("predictors",),
    ),
    Entry(
        "term",
        "faithful by construction",
        "An answer that depends on the words of a rationale and on no other word, because the "
        "model sees nothing else.",
        beside=("faithfulness", "rationalize", "extraction leak"),
        traps="It is about the predictor. It does not explain why these words were chosen, nor "
        "how the predictor uses them.",
        source=_FRESH,
    ),
    Entry(
        "term",
        "extraction leak",
        "That the choice of the words gives the label away, whatever the words are.",
        beside=("rationalize", "leak control"),
        traps="The test looks only at the places of the chosen words. The words themselves can be "
        "a code as well.",
        source=f"{_OWN}; Jain et al. 2020 name the risk",
    ),
    Entry(
        "term",
        "ERASER form",
        "The files of the benchmark ERASER: annotations that name spans of tokens as evidence, the "
        "documents beside them, and predictions with hard and soft rationales.",
        formula="read by a dataset spec with test: test.jsonl and docs: docs.jsonl (or a folder); "
        "written by rationalize with --keep",
        beside=("rationale", "rationalize"),
        traps="Its tokens are split at spaces. A word that attnaudit cuts in another way is mapped "
        "to these tokens by place.",
        source="DeYoung et al. 2020 (ERASER)",
        aliases=("ERASER",),
    ),
    Entry(
        "term",
        "impermissible words",
        "Words that an answer should not rest on, such as the pronouns of a letter of reference.",
        about="`deceive` asks whether attention hides them. They are those that `--word`, "
        "`--words-file` and `--pattern` name, or else those that the data mark in the field "
        "`impermissible`: a list of 0 and 1, one for each word (split at spaces).",
        beside=("deceive",),
        traps="Other words may say the same: a name says what a pronoun says.",
        source="Pruthi et al. 2020, section 3",
        aliases=("impermissible", "impermissible tokens"),
    ),
)
