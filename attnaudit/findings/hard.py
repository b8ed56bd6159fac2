"""Hard to manipulate (Wiegreffe & Pinter 2019, section 4): do the answers need this attention?

A model may give the same answers as the audited one but attend to other words. What counts is how
much farther an adversary moves the attention than models that only imitate the answers, while it
changes the answers no more than a further seed of the recipe would (see `manipulation`). One
adversary is enough to show that attention can lie elsewhere. So *against* is tested first, on one
adversary that was chosen on dev. To show that it cannot, the rule needs many: one adversary of each
unit, after a strong sweep.

The error rates of both answers assume that the budget is right. They say how often other texts,
imitators and units would mislead. They do not cover how the budget itself would change with other
seeds.
"""

from __future__ import annotations

from collections.abc import Iterator

from attnaudit.findings.desiderata import HARD_TO_MANIPULATE, STABLE
from attnaudit.findings.evidence import Evidence
from attnaudit.findings.finding import Finding
from attnaudit.findings.manipulation import Manipulation, imitators_trained
from attnaudit.findings.metrics import ADVERSARY_EXCESS, UNITS_EXCESS
from attnaudit.findings.power import settle
from attnaudit.findings.rules import LEAST_ADVERSARIES, LEAST_UNITS, Deltas, compare, finding
from attnaudit.measures.summary import Estimate
from attnaudit.questions.budget import LEAST_BUDGET_SEEDS, Budget
from attnaudit.questions.model_adversary.choice import STARTS, WARM, lambdas_of
from attnaudit.questions.model_adversary.strengths import STRONG
from attnaudit.questions.runs import Runs
from attnaudit.questions.scored import IN_WORDS
from attnaudit.wording import decimal, percent

RULE = (
    "The budget says how far the answers may change (in TVD, label flips and loss of score): a "
    "further seed of the recipe stays within it at least four times in five. Against, if one "
    "adversary, chosen on dev, meets three conditions with its whole interval: (1) it stays "
    "within the budget; (2) it moves the attention farther than imitators with the same kind "
    "of start, by more than the limit; (3) it changes the word of largest weight more often "
    "than they do. For, if no adversary does, and if all of these hold: (1) at least three "
    "units have an adversary within the budget on dev; (2) on average these adversaries move "
    "the attention farther than their own imitators by less than the limit; (3) the sweep was "
    "strong; (4) imitators attend like the audited model: at most a third as far from it as "
    "shuffled attention. The error rates assume that the budget is right."
)


def hard_to_manipulate(evidence: Evidence, seeds: Runs, deltas: Deltas) -> Finding:
    """What adversaries say, beside the `seeds`: the runs of seed-baseline."""
    short = _lacking(evidence, seeds)
    found = None if short else Manipulation.of(evidence)
    if found is None:
        reason = short or HARD_TO_MANIPULATE.needs
        return finding("not_assessed", reason, scope=evidence.scope)
    return weigh(found, deltas.hard_to_manipulate, evidence)


def weigh(found: Manipulation, delta: float, evidence: Evidence) -> Finding:
    """*Against* if one adversary shows it, *for* if all show that they cannot, else neither."""
    score, scope = IN_WORDS[evidence.score], evidence.scope
    if len(found.usable) < LEAST_ADVERSARIES:
        reason = _few_usable(found, score, evidence.audited)
        return finding("inconclusive", reason, scope=scope, rule=RULE)
    spared = list(_not_against(found, delta, score))
    if not spared:
        reason = _against(found, score)
        return finding("against", reason, found.excess, delta, scope, ADVERSARY_EXCESS, RULE)
    open_ = list(_not_for(found, delta))
    excess = found.units_excess
    if not open_:
        reason = _for(found, score)
        return finding("for", reason, excess, delta, scope, UNITS_EXCESS, RULE)
    reason = f"Not against: {' '.join(spared)} Not for: {' '.join(open_)}"
    if excess is not None and compare(excess, delta) == "inconclusive":
        reason = f"{reason} {settle(excess, delta)}"
    metric = UNITS_EXCESS if excess is not None else ADVERSARY_EXCESS
    shown = excess if excess is not None else found.excess
    if shown is None:
        return finding("inconclusive", reason, None, delta, scope, None, RULE)
    return finding("inconclusive", reason, shown, delta, scope, metric, RULE)


def _lacking(evidence: Evidence, seeds: Runs) -> str | None:
    """What the records lack that the rule needs; None if they hold all of it."""
    runs = evidence.of("model-adversary")
    if runs is None:
        return HARD_TO_MANIPULATE.needs
    dev = evidence.of("model-adversary", "dev"), evidence.of("seed-baseline", "dev")
    if None in dev:
        return "There are no records on dev. They are needed to choose adversaries."
    count = len(seeds.seeds(model="seed"))
    if count < LEAST_BUDGET_SEEDS:
        return (
            f"{count} seeds are too few to set a budget for the answers: {LEAST_BUDGET_SEEDS} are "
            "needed."
        )
    trained = imitators_trained(evidence)
    if not trained:
        return "No imitators (lambda 0) were trained. Run adversary with --sweep."
    starts = {start for start in STARTS if runs.seeds(**{"lambda": 0.0}, start=start)}
    starts |= {dict(kind)["start"] for kind in runs.diverged}
    if WARM not in starts:
        return (
            "The records contain no adversaries that start from models of other seeds (warm "
            "starts). Older versions trained none. Run `attnaudit seed-baseline --keep DIR`, "
            "then `attnaudit adversary --sweep --start DIR`."
        )
    if trained < LEAST_UNITS:
        return (
            f"{trained} imitators were trained, but {LEAST_UNITS} are needed. Run adversary "
            f"with --seeds {LEAST_UNITS}."
        )
    if not any(lambdas_of(runs)) and (found := Manipulation.of(evidence)) and found.usable:
        return "No adversaries (lambda above 0) were trained. Run adversary with --sweep."
    return None


def _few_usable(found: Manipulation, score: str, split: str) -> str:
    of_them = f", {found.replaced} of them as replacements" if found.replaced else ""
    return (
        f"{len(found.usable)} of {found.trained} imitators are usable{of_them}, but "
        f"{LEAST_ADVERSARIES} are needed. A usable imitator answers better than a constant, and "
        "its answers are as close to the audited model's as those of a further seed would be "
        f"({_limits(found.budget, score)}, on split {split}). Give the adversary more epochs, "
        "or more seeds."
    )


def _limits(budget: Budget, score: str) -> str:
    return (
        f"TVD up to {budget.tvd:.3f}, flipped labels up to {percent(budget.flips, 1)}, loss of"
        f" {score} up to {budget.loss:.3f}"
    )


def _not_against(found: Manipulation, delta: float, score: str) -> Iterator[str]:
    """Why the chosen adversary does not show that attention can lie elsewhere; nothing if so."""
    if found.chosen is None:
        yield "No adversary stays within the budget of the seeds on dev."
        return
    for over in _beyond(found, score):
        yield f"The chosen adversary ({found.chosen.words}) may {over}."
    kind = f"imitator of its kind of start is usable ({found.chosen.unit.words})"
    if not found.alike or found.excess is None or found.moved is None:
        yield f"No {kind}, so there is nothing to compare it with."
    elif len(found.alike) == 1:
        yield f"Only one {kind}, so nothing shows how imitators differ."
    else:
        if not _above(found.excess, delta):
            yield (
                f"It moves the attention {_shown(found.excess)} JSD farther than imitators with "
                f"the same kind of start. This is not shown to be more than {delta:g}."
            )
        if not _above(found.moved, 0.0):
            yield (
                "It is not shown to change the word of largest weight more often than these "
                f"imitators do (a difference of {_shown(found.moved)})."
            )


def _beyond(found: Manipulation, score: str) -> Iterator[str]:
    """In what the chosen adversary may go beyond the budget on the audited split."""
    reach, budget = found.reach, found.limits
    if not _up_to(reach["tvd"], budget.tvd):
        yield f"move the answers by a TVD of {_high(reach['tvd'])}; the budget is {budget.tvd:.3f}"
    if not _up_to(reach["flips"], budget.flips):
        yield f"flip {_high(reach['flips'])} of the labels; the budget is {budget.flips:.3f}"
    if not _up_to(reach["loss"], budget.loss):
        yield f"lose {_high(reach['loss'])} of {score}; the budget is {budget.loss:.3f}"


def _against(found: Manipulation, score: str) -> str:
    assert found.chosen is not None
    assert found.excess is not None
    assert found.moved is not None
    reach, budget = found.reach, found.limits
    return (
        f"One adversary ({found.chosen.words}; chosen on dev) moves the attention "
        f"{_shown(found.excess)} JSD farther than {len(found.alike)} imitators with the same "
        "kind of start. It changes the word of largest weight in more texts than they do (a "
        f"difference of {_shown(found.moved)} of the texts). It changes the answers no more "
        f"than a further seed of the recipe may: TVD up to {_high(reach['tvd'])} (allowed: "
        f"{budget.tvd:.3f}), flipped labels up to {_high(reach['flips'])} (allowed: "
        f"{budget.flips:.3f}), loss of {score} up to {_high(reach['loss'])} (allowed: "
        f"{budget.loss:.3f})."
    )


def _not_for(found: Manipulation, delta: float) -> Iterator[str]:
    """Why the adversaries do not show that attention cannot lie elsewhere; nothing if they do."""
    count, excess = len(found.of_units), found.units_excess
    if excess is None:
        yield (
            f"{count} of {len(found.usable)} usable units have an adversary within the budget "
            f"of the seeds on dev, but {LEAST_ADVERSARIES} are needed. Try smaller lambdas."
        )
    elif excess.ci_high is None or excess.ci_high >= delta:
        if excess.ci_low is not None and excess.ci_low > delta:
            yield (
                f"Within the budget, adversaries of {count} units move the attention "
                f"{_shown(excess)} JSD farther than their imitators. This is more than "
                f"{delta:g}."
            )
        else:
            yield (
                f"Adversaries of {count} units move the attention {_shown(excess)} JSD farther "
                f"than their imitators. This may be more or less than {delta:g}."
            )
    limit = (1 - STABLE.delta) * found.shuffled
    if found.imitators.ci_high is None or found.imitators.ci_high > limit:
        yield (
            "Models that only imitate the answers may themselves attend to other words: their "
            f"attention is {_shown(found.imitators)} JSD from the audited model's, and shuffled "
            f"attention is {found.shuffled:.2f} from it. They would have to stay within "
            f"{limit:.2f}."
        )
    if found.farthest < STRONG:
        yield (
            "The sweep was weak: no lambda moved the attention of half of the units far enough "
            f"(JSD {found.farthest:.2f}; {STRONG:g} is needed). Try larger lambdas."
        )
    if found.inside and all(found.inside):
        yield "No adversary goes beyond the budget. Try larger lambdas."
    elif not any(found.inside):
        yield "No adversary stays within the budget on the audited split. Try smaller lambdas."


def _for(found: Manipulation, score: str) -> str:
    excess = found.units_excess
    assert excess is not None
    without = f" {len(found.missing)} more units had no such adversary." if found.missing else ""
    return (
        f"From each of {len(found.of_units)} units, the adversary was taken that moves the "
        "attention farthest on dev within the budget of the seeds "
        f"({_limits(found.budget, score)}). These adversaries move the attention "
        f"{_shown(excess)} JSD farther than their own imitators.{without} Stronger adversaries "
        f"moved it by {found.farthest:.2f}, but they changed the answers."
    )


def _above(found: Estimate, line: float) -> bool:
    return found.ci_low is not None and found.ci_low > line


def _up_to(found: Estimate, limit: float) -> bool:
    return found.ci_high is not None and found.ci_high <= limit


def _high(found: Estimate) -> str:
    return "an unknown share" if found.ci_high is None else f"{found.ci_high:.3f}"


def _shown(found: Estimate) -> str:
    if found.value is None:
        return "an unknown amount"
    if found.ci_low is None or found.ci_high is None:
        return decimal(found.value, 2)
    value, low, high = (decimal(x, 2) for x in (found.value, found.ci_low, found.ci_high))
    return f"{value} [{low}, {high}]"
