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
from attnaudit.questions.runs import read_runs
from attnaudit.records.schema import Header

# What the models of an audit whose seeds may grow answer.
_FINDINGS: dict[str, Callable[[Evidence, Deltas], list[Finding]]] = {
    "seed-baseline": on_seeds,
    "probe": lambda evidence, deltas: [on_probes(evidence, deltas)],
}


def decided_by(header: Header, deltas: Deltas) -> Decided | None:
    """Whether records under this header have the answers that they can give; see `looks`.

    None for an audit whose seeds do not grow. A finding that cannot be assessed at a look stops the
    seeds too: more of them would not change why.
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
        found = find(seen, deltas)
        return all(one.status not in OPEN or one.status == "not_assessed" for one in found)

    return decided
