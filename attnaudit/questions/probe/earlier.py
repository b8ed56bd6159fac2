"""What a probe takes from earlier questions of a suite: the adversary that guides it."""

from __future__ import annotations

from pathlib import Path

from attnaudit.questions.model_adversary.strengths import STRONG
from attnaudit.questions.opening import open_records
from attnaudit.questions.probe.guides import read_guides
from attnaudit.questions.probe.settings import ProbeSettings
from attnaudit.questions.question import Earlier
from attnaudit.questions.runs import read_runs


def build_on(settings: ProbeSettings, earlier: Earlier) -> ProbeSettings:
    """With an adversary as a guide, where one was trained and kept.

    Raises InputError for records of the adversary that cannot be read.
    """
    adversaries = earlier.records.get("model-adversary")
    if adversaries is None:
        return settings
    guide = _strongest(adversaries, earlier.models, earlier.suffix)
    if guide is None:
        return settings
    guides = (*settings.guides, *read_guides([f"adversary={guide}"]))
    return settings.model_copy(update={"guides": guides})


def _strongest(records: Path, folder: Path, suffix: str) -> Path | None:
    """The checkpoint of the adversary that guides a probe; None where none was kept.

    As in Wiegreffe & Pinter's Table 4: of those with a mean JSD above .4 the one with the least
    TVD, on dev; where there is none, the one with the largest JSD.
    """
    dev = read_runs(open_records(records)).get("dev")
    if dev is None:
        return None
    found = []
    for kind, models in dev.models.items():
        strength = dict(kind).get("lambda")
        for seed, columns in models.items() if strength else ():
            path = folder / f"lambda{strength!r}-seed{seed}{suffix}"
            jsd, tvd = (sum(x) / len(x) for x in (columns.jsd, columns.tvd))
            if path.exists():
                found.append((jsd, tvd, path))
    strong = [one for one in found if one[0] > STRONG]
    if strong:
        return min(strong, key=lambda one: one[1])[2]
    return max(found)[2] if found else None
