"""The findings, and what they and gates can say."""

from __future__ import annotations

from attnaudit.explanations.entry import Entry
from attnaudit.findings.finding import FindingName
from attnaudit.findings.rules import LEAST_ADVERSARIES, LEAST_SEEDS, Deltas

_FOR_AND_AGAINST = "for, against, inconclusive, not assessable or not assessed"
_OWN = "this tool's own"


def _finding(
    name: FindingName,
    what: str,
    formula: str,
    beside: tuple[str, ...],
    traps: str,
    source: str,
    aliases: tuple[str, ...] = (),
) -> Entry:
    delta = Deltas.model_fields[name].default
    return Entry(
        "finding",
        name,
        what,
        formula=formula,
        range=_FOR_AND_AGAINST,
        default=f"delta {delta:g}",
        beside=beside,
        traps=traps,
        source=source,
        aliases=aliases,
    )


FINDINGS = (
    _finding(
        "necessary",
        "Whether the recipe scores better with attention that it learns than with the same "
        "weight on each word.",
        "the figure is score(learned) - score(uniform), both trained until they stop "
        "improving; whole interval above delta: for; below delta: against",
        ("necessity.score_gap", "necessity.peaked_score.mean", "converged", "delta"),
        f"It needs {LEAST_SEEDS} seeds. If it is against, the other findings are not "
        "assessable. That is not a good sign for attention.",
        "Wiegreffe & Pinter 2019, section 3.2",
        ("necessity",),
    ),
    _finding(
        "stable",
        "Whether the model attends to the same words when it is trained again with another seed.",
        "interval of s above the limit and interval of kappa above .5: for; interval of s "
        "below the limit: against",
        ("stability.s", "stability.kappa", "stability s", "kappa", "shuffled attention"),
        "Models can agree on words that are not the reason for an answer. Seeds of a "
        "fine-tuned model share pretrained weights, so they agree more.",
        "Wiegreffe & Pinter 2019, section 3.3, read as a question; the rule is this tool's own",
        ("stable?", "unstable", "stability"),
    ),
    _finding(
        "hard_to_manipulate",
        "Whether models of the recipe that give the same answers must also have the same "
        "attention weights.",
        "against: one adversary within the budget moves the attention farther than the "
        "imitators by more than delta; for: the mean of this excess over units is below delta, "
        "after a strong sweep",
        (
            "manipulation.adversary_excess_jsd",
            "manipulation.units_excess_jsd",
            "budget",
            "unit",
            "warm start",
        ),
        f"It needs {LEAST_ADVERSARIES} usable seeds of each lambda. After a weak sweep it is "
        "inconclusive. Even after a strong sweep, a better search may still find an adversary.",
        "Wiegreffe & Pinter 2019, section 4; the rule is this tool's own",
        ("hard to manipulate", "manipulation"),
    ),
    _finding(
        "out_of_context",
        "Whether the weights point at words that say something about the answer by themselves, "
        "without the words around them.",
        "for: a probe scores better with the model's weights than with uniform weights by more "
        "than delta, and the leak control finds evidence in the attended words; against: this "
        "gain is below delta, or the leak control is below -delta",
        ("probe.base-uniform.score_gap", "probe.leak.score_gap", "leak control", "delta"),
        f"It needs {LEAST_SEEDS} seeds of each probe. It shows whether the weights are useful "
        "to another model, not how this model works.",
        "Wiegreffe & Pinter 2019, section 3.4; the leak control is this tool's own",
        ("works out of context",),
    ),
)


def _status(name: str, what: str, of: str, traps: str, *aliases: str) -> Entry:
    return Entry("status", name, what, of=of, traps=traps, source=_OWN, aliases=aliases)


STATUSES = (
    _status(
        "for",
        "The evidence speaks for attention: the whole interval lies on the good side of delta, "
        "and all other conditions of the rule hold.",
        "findings",
        "It is evidence by one rule. It certifies nothing.",
    ),
    _status(
        "against",
        "The evidence counts against attention: the whole interval lies on the bad side of "
        "delta, or another condition of the rule says so.",
        "findings",
        "It is about this recipe, these data and this split only.",
    ),
    _status(
        "inconclusive",
        "The evidence does not decide: delta lies inside the interval, or another condition of "
        "the rule is open.",
        "findings",
        "It does not mean that there is no effect. The reason says what would bring a decision.",
    ),
    _status(
        "not_assessable",
        "The question makes no sense here, because learned attention improves the recipe by "
        "less than delta, or because the attention is flat.",
        "findings",
        "It is not a good sign for attention. See `necessary`, and the reason in the report.",
        "not assessable",
    ),
    _status(
        "not_assessed",
        "The question was not tested: records are missing, or the model, the recipe or the data do "
        "not allow a finding.",
        "findings",
        "Untested does not mean harmless. The reason says what is missing.",
        "not assessed",
    ),
    _status("pass", "The report satisfies this gate.", "gates", "A gate tests only one figure."),
    _status("fail", "The report does not satisfy this gate, so the exit code is 1.", "gates", ""),
    _status(
        "inconclusive",
        "The figure of this gate is undefined, rests on too few texts, or is not in the report.",
        "gates",
        "It never counts as a pass, and with `--strict` it fails.",
    ),
    _status(
        "waived",
        "The report does not satisfy this gate, but a waiver excuses this until a stated day.",
        "gates",
        "After that day the gate fails again.",
    ),
)
