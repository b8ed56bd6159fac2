"""Whether the audited attention could be tested at all: what its controls say.

If something goes around the audited attention, answers may stay the same with any weights, even if
all weights on content are 0. Then it says nothing that the weights can be changed without changing
the answers. If the model's other attention does not move the answers, either, no finding is
*against*.
"""

from __future__ import annotations

from attnaudit.findings.finding import Finding
from attnaudit.measures.summary import Estimate
from attnaudit.questions.reliance_tables import UNMOVED_TVD
from attnaudit.questions.runs import Runs
from attnaudit.questions.seed_baseline.controls import CONTROLS, control_column
from attnaudit.records.metric import UNIT

RULE = "Inconclusive instead of against, if no control moves the answers."


def unmoved(runs: Runs) -> str | None:
    """Why the audited attention cannot be tested; None if it can, or records do not say.

    It cannot where the model says that something passes it by, and every control that it has moves
    the answers by less than `UNMOVED_TVD` (mean over instances, upper end of the interval).
    """
    if not any(record.get("bypassed") for record in runs.controls):
        return None
    columns = {name: control_column(runs, name, "tvd") for name in CONTROLS}
    known = {name: column for name, column in columns.items() if column is not None}
    if not known:
        return None
    means = runs.sample().means(known, lambda _: UNIT)
    if not all(map(_is_small, means.values())):
        return None
    moved = " and ".join(
        f"{CONTROLS[name]} (TVD up to {mean.ci_high:.3f})" for name, mean in means.items()
    )
    return (
        f"Even {moved} {'hardly move' if len(known) > 1 else 'hardly moves'} the answers, so "
        "this row of attention cannot be tested."
    )


def _is_small(mean: Estimate) -> bool:
    return mean.ci_high is not None and mean.ci_high < UNMOVED_TVD


def withheld(found: Finding, why: str | None) -> Finding:
    """A finding as it may stand: none is *against* attention that cannot be tested.

    `why` it cannot is a sentence; None if it can.
    """
    if why is None or found.status != "against":
        return found
    rule = f"{found.rule} {RULE}" if found.rule else RULE
    reason = f"{found.reason} But this does not count here. {why}"
    return found.model_copy(update={"status": "inconclusive", "reason": reason, "rule": rule})
