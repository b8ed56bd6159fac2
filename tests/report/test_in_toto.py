from __future__ import annotations

import json
from typing import Any

import pytest
from google.protobuf import json_format
from in_toto_attestation.predicates.test_result.v0 import test_result_pb2
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.resource_descriptor import ResourceDescriptor
from in_toto_attestation.v1.statement import Statement

from attnaudit.errors import InputError, printable
from attnaudit.report.in_toto import PREDICATE, statement
from attnaudit.report.schema import Gate, Report

POLICY = "ef" * 32


def validated(text: str) -> dict[str, Any]:
    """The statement, read by the framework's own definitions: they refuse unknown fields."""
    read = json_format.Parse(text, statement_pb2.Statement())
    Statement.copy_from_pb(read).validate()
    predicate = json_format.ParseDict(
        json_format.MessageToDict(read.predicate), test_result_pb2.TestResult()
    )
    assert predicate.result in ("PASSED", "WARNED", "FAILED")
    for descriptor in predicate.configuration:
        ResourceDescriptor.copy_from_pb(descriptor).validate()
        assert descriptor.digest  # the specification asks for uri, digest or content
    made: dict[str, Any] = json.loads(text)
    assert made["predicateType"] == PREDICATE
    return made


def held(report: Report, gates: list[Gate], **files: str) -> Report:
    manifest = report.manifest.model_copy(
        update={"files": {**report.manifest.files, "policy.yaml": POLICY, **files}}
    )
    return report.model_copy(update={"gates": gates, "manifest": manifest})


def test_gates_are_tests(report: Report, verdicts: list[Gate]) -> None:
    predicate = validated(statement(held(report, verdicts)))["predicate"]
    assert predicate["passedTests"] == ["good", "early"]
    assert predicate["warnedTests"] == ["known"]
    assert predicate["failedTests"] == ["bad", "open (inconclusive)", "old", "baseline:model.f1"]
    assert predicate["result"] == "FAILED"


@pytest.mark.parametrize(
    ("names", "result"),
    [
        (["good"], "PASSED"),
        (["good", "known"], "WARNED"),
        (["good", "open"], "FAILED"),
        (["open"], "FAILED"),
        (["bad"], "FAILED"),
    ],
)
def test_the_result_is_that_of_the_worst(
    report: Report, verdicts: list[Gate], names: list[str], result: str
) -> None:
    some = [gate for gate in verdicts if gate.id in names]
    assert validated(statement(held(report, some)))["predicate"]["result"] == result


def test_subjects_are_the_model_and_the_data(report: Report, verdicts: list[Gate]) -> None:
    model, data = validated(statement(held(report, verdicts)))["subject"]
    assert (model["name"], model["digest"]) == ("model.pt", {"sha256": "ab" * 32})
    assert (data["name"], data["digest"]) == ("test.jsonl", {"sha256": "cd" * 32})
    assert data["annotations"] == {
        "attnaudit_role": "data",
        "attnaudit_split": "test",
        "attnaudit_texts": 1725,
        "attnaudit_partial": False,
    }


def test_what_is_no_digest_of_a_file_is_not_called_so(report: Report, verdicts: list[Gate]) -> None:
    facts = report.model.model_validate({**report.model.model_dump(), "kind": "transformer"})
    model, _ = validated(statement(held(report.model_copy(update={"model": facts}), verdicts)))[
        "subject"
    ]
    assert model["digest"] == {"attnaudit_sha256": "ab" * 32}


def test_the_policy_is_the_configuration(report: Report, verdicts: list[Gate]) -> None:
    made = validated(statement(held(report, verdicts, **{"r.jsonl": "12" * 32})))
    assert made["predicate"]["configuration"] == [
        {"name": "policy.yaml", "digest": {"sha256": POLICY}},
        {"name": "r.jsonl", "digest": {"sha256": "12" * 32}},
    ]


def test_what_nobody_could_check_is_not_stated(report: Report, verdicts: list[Gate]) -> None:
    with pytest.raises(InputError, match="this report has no gates; give --policy FILE"):
        statement(report.model_copy(update={"gates": []}))
    with pytest.raises(InputError, match=r"not contain the digest of the policy policy\.yaml"):
        statement(report.model_copy(update={"gates": verdicts}))
    for part, what, digest in (("model", "model", None), ("dataset", "data", "no digest")):
        facts = getattr(report, part).model_copy(update={"sha256": digest})
        lacking = held(report, verdicts).model_copy(update={part: facts})
        with pytest.raises(InputError, match=f"needs a digest of the {what}"):
            statement(lacking)


def test_nothing_hostile_breaks_it(evil_report: Report, evil: str) -> None:
    files = {gate.file: POLICY for gate in evil_report.gates if gate.file is not None}
    known = {
        part: getattr(evil_report, part).model_copy(update={"sha256": POLICY})
        for part in ("model", "dataset")
    }
    text = statement(held(evil_report.model_copy(update=known), evil_report.gates, **files))
    assert text.isascii()
    predicate = validated(text)["predicate"]
    named = [*predicate["passedTests"], *predicate["warnedTests"], *predicate["failedTests"]]
    assert {name.removesuffix(" (inconclusive)") for name in named} == {printable(evil)}
