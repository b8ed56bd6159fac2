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
        "Whether the recipe gains from attention that it learns, or does as well with the same "
        "weight on each word.",
        "interval of score(learned) - score(uniform), both trained until they stop improving, "
        "above delta: for; below delta: against",
        ("necessity.score_gap", "necessity.peaked_score.mean", "converged", "delta"),
        f"It needs {LEAST_SEEDS} seeds. If it is against, the other findings are not assessable, "
        "which is no good sign for them.",
        "Wiegreffe & Pinter 2019, section 3.2",
        ("necessity",),
    ),
    _finding(
        "stable",
        "Whether the model attends to the same words when it is trained again with another seed.",
        "interval of s above the limit and that of kappa above .5: for; that of s below the limit: "
        "against",
        ("stability.s", "stability.kappa", "stability s", "kappa", "shuffled attention"),
        "Models can agree on words that are not the reason for an answer. Seeds of a fine-tuned "
        "model share pretrained weights and agree more.",
        "Wiegreffe & Pinter 2019, section 3.3, read as a question; the rule is this tool's own",
        ("stable?", "unstable", "stability"),
    ),
    _finding(
        "hard_to_manipulate",
        "Whether models of the recipe that give the same answers must have the same attention "
        "weights.",
        "against: one adversary within the budget exceeds the imitators by more than delta; for: "
        "the mean excess over units lies below delta, after a strong sweep",
        (
            "manipulation.adversary_excess_jsd",
            "manipulation.units_excess_jsd",
            "budget",
            "unit",
            "warm start",
        ),
        f"It needs {LEAST_ADVERSARIES} usable seeds of each lambda. A weak sweep is inconclusive, "
        "and a stronger search may still find an adversary.",
        "Wiegreffe & Pinter 2019, section 4; the rule is this tool's own",
        ("hard to manipulate", "manipulation"),
    ),
    _finding(
        "out_of_context",
        "Whether the weights point at words that say something about the answer by themselves, "
        "without the words around them.",
        "for: score(base) - score(uniform) above delta, and the leak control finds evidence in the "
        "attended words; against: that gap below delta, or the leak control below -delta",
        ("probe.base-uniform.score_gap", "probe.leak.score_gap", "leak control", "delta"),
        f"It needs {LEAST_SEEDS} seeds of each probe. It shows use to another model, not how this "
        "one works.",
        "Wiegreffe & Pinter 2019, section 3.4; the leak control is this tool's own",
        ("works out of context",),
    ),
)


def _status(name: str, what: str, of: str, traps: str, *aliases: str) -> Entry:
    return Entry("status", name, what, of=of, traps=traps, source=_OWN, aliases=aliases)


STATUSES = (
    _status(
        "for",
        "The evidence speaks for attention: the whole interval lies on the good side of delta, and "
        "every other condition of the rule holds.",
        "findings",
        "It is evidence under one rule, and certifies nothing.",
    ),
    _status(
        "against",
        "The evidence counts against attention: the whole interval lies on the bad side of delta, "
        "or another condition says so.",
        "findings",
        "It speaks of this recipe, data and split only.",
    ),
    _status(
        "inconclusive",
        "The evidence does not decide: the interval holds delta, or another condition of the rule "
        "is open.",
        "findings",
        "It does not mean that there is no effect. The reason says what would settle it.",
    ),
    _status(
        "not_assessable",
        "The question cannot be asked here: learned attention gains the recipe less than delta, or "
        "the attention is flat.",
        "findings",
        "It is no good sign for attention. See `necessary`, and the reason.",
        "not assessable",
    ),
    _status(
        "not_assessed",
        "The question was not tested: records are missing, or the model, the recipe or the data do "
        "not allow a finding.",
        "findings",
        "Untested is not the same as harmless. The reason names what is missing.",
        "not assessed",
    ),
    _status("pass", "The report keeps this gate.", "gates", "A gate tests one figure only."),
    _status("fail", "The report does not keep this gate; the exit code is 1.", "gates", ""),
    _status(
        "inconclusive",
        "The figure of this gate is undefined, rests on too few texts, or is not in the report.",
        "gates",
        "It is never a pass, and fails under `--strict`.",
    ),
    _status(
        "waived",
        "The report does not keep this gate, and a waiver excuses it until a day.",
        "gates",
        "After that day it counts again.",
    ),
)
