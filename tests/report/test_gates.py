from __future__ import annotations

import pytest

from attnaudit.report.gates import counts, described, exit_code, is_baseline, place, said
from attnaudit.report.schema import Gate


def test_they_are_counted(verdicts: list[Gate], gates: list[Gate]) -> None:
    assert counts(verdicts) == "2 passed, 3 failed, 1 inconclusive, 1 waived"
    assert counts(gates) == "1 passed, 1 failed, 1 inconclusive"


def test_all_there_is_to_say(verdicts: list[Gate]) -> None:
    good, bad, unknown, known, old, early, worse = (said(gate) for gate in verdicts)
    assert good == ["model.f1 ci_low 0.9, at least 0.8"]
    assert bad == ["model.f1 ci_low 0.7, below 0.8", "because as agreed"]
    assert unknown == ["finding necessary, not assessed: run it"]
    assert known[1:] == ["waived through 2026-12-31: known, see 12"]
    assert old[1:] == ["its waiver expired on 2026-01-31 and is ignored: was known"]
    assert early[1:] == ["passes without its waiver (through 2026-12-31): known, see 12"]
    assert worse == ["model.f1 0.7, worse than the baseline's 0.8"]


def test_a_gate_of_no_metric_is_its_reason() -> None:
    gate = Gate(id="baseline", status="pass", reason="nothing is worse")
    assert (described(gate), place(gate)) == ("nothing is worse", None)


def test_where_they_stand(verdicts: list[Gate]) -> None:
    assert [place(gate) for gate in verdicts[:3]] == [
        "policy.yaml:2",
        "policy.yaml:7",
        "policy.yaml:17",
    ]
    assert place(verdicts[0].model_copy(update={"line": None})) == "policy.yaml"
    assert place(verdicts[-1]) is None


@pytest.mark.parametrize(
    ("chosen", "lax", "strict"),
    [([0, 3, 5], 0, 0), ([2], 0, 1), ([1], 1, 1), ([4], 1, 1), ([6], 1, 1), ([0, 2, 3], 0, 1)],
)
def test_exit_codes(verdicts: list[Gate], chosen: list[int], lax: int, strict: int) -> None:
    some = [verdicts[i] for i in chosen]
    assert (exit_code(some, strict=False), exit_code(some, strict=True)) == (lax, strict)


def test_names_of_baseline_gates() -> None:
    assert is_baseline("baseline")
    assert is_baseline("baseline:model.f1")
    assert not is_baseline("baselines")
