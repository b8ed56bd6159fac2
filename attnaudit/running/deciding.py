"""Whether the seeds that were trained are enough, where their number grows."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from attnaudit.findings.assess import on_probes, on_seeds
from attnaudit.findings.evidence import Evidence, gather
from attnaudit.findings.finding import Finding
from attnaudit.findings.looks import OPEN
from attnaudit.findings.rules import Deltas
from attnaudit.questions.looks import Decided
from attnaudit.questions.maker import Record
from attnaudit.questions.runs import Runs, read_runs
from attnaudit.records.schema import Header

# What the models of an audit whose seeds may grow answer.
_FINDINGS: dict[str, Callable[[Evidence, Deltas], list[Finding]]] = {
    "seed-baseline": on_seeds,
    "probe": lambda evidence, deltas: [on_probes(evidence, deltas)],
}


def decided_by(header: Header, deltas: Deltas) -> Decided | None:
    """Whether records under this header have the answers that they can give; see `looks`.

    None for an audit whose seeds do not grow. A finding that cannot be assessed at a look stops the
    seeds too: more of them would not change why, unless some trainings diverged and left too few.
    """
    find = _FINDINGS.get(header.audit)
    if find is None:
        return None
    resampling = int(str(header.settings.get("seed", 0)))

    def decided(made: Callable[[], Iterator[Record]], seeds: int) -> bool:
        evidence = gather([(header, read_runs(made(), resampling))])
        if evidence is None:
            return False
        seen = evidence.at(header.audit, seeds, evidence.level)
        still = OPEN if _lost_some(seen.of(header.audit)) else ("inconclusive",)
        return not any(one.status in still for one in find(seen, deltas))

    return decided


def _lost_some(runs: Runs | None) -> bool:
    """Whether some trainings of a kind diverged and others did not."""
    if runs is None:
        return False
    return any(seeds and runs.models.get(kind) for kind, seeds in runs.diverged.items())
