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
        "Whether the task needs attention that is learned, or goes as well with the same weight on "
        "each word.",
        "interval of F1(learned) - F1(uniform) above delta: for; below delta: against",
        ("necessity.f1_gap", "delta"),
        f"It needs {LEAST_SEEDS} seeds. If it is against, the other findings are not assessable.",
        "Wiegreffe & Pinter 2019, section 3.2",
    ),
    _finding(
        "hard_to_manipulate",
        "Whether models that answer as the audited one does must attend as it does.",
        "against: one adversary within the budget has an excess JSD above delta and moves the top "
        "word; for: the excess of all units is below delta, after a strong sweep",
        ("manipulation.adversary_excess_jsd", "manipulation.units_excess_jsd", "budget", "delta"),
        f"It needs {LEAST_ADVERSARIES} usable imitators. A weak sweep is inconclusive.",
        "Wiegreffe & Pinter 2019, section 4",
        ("hard to manipulate", "manipulation"),
    ),
    _finding(
        "out_of_context",
        "Whether the attention helps a model that sees each word by itself, because of the words "
        "that it points at.",
        "for: both gaps of F1, to the uniform guide and to the leak control, above delta; against: "
        "either below",
        ("probe.base-uniform.f1_gap", "probe.base-leak.f1_gap", "leak control", "delta"),
        f"It needs {LEAST_SEEDS} seeds of each probe. For a pretrained recipe the leak control "
        "alone is never against.",
        "Wiegreffe & Pinter 2019, section 5",
        ("works out of context",),
    ),
)


def _status(name: str, what: str, of: str, traps: str, *aliases: str) -> Entry:
    return Entry("status", name, what, of=of, traps=traps, source=_OWN, aliases=aliases)


STATUSES = (
    _status(
        "for",
        "The whole interval lies on the side of delta that speaks for attention.",
        "findings",
        "It is evidence under one rule, no certificate.",
    ),
    _status(
        "against",
        "The whole interval lies on the side of delta that speaks against attention.",
        "findings",
        "It speaks of this recipe, data and split only.",
    ),
    _status(
        "inconclusive",
        "The interval holds delta, or another condition of the rule is open; the reason says which "
        "and what would settle it.",
        "findings",
        "It does not mean that there is no effect.",
    ),
    _status(
        "not_assessable",
        "The finding makes no sense here, since the task does not need attention.",
        "findings",
        "See `necessary`, which is then against.",
        "not assessable",
    ),
    _status(
        "not_assessed",
        "Nothing can be said yet: records are missing, or the model, the recipe or the data do not "
        "allow a finding.",
        "findings",
        "The reason names what is missing.",
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
