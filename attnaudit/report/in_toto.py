"""The gates of a report as a test result of the in-toto attestation framework.

The predicate is `https://in-toto.io/attestation/test-result/v0.1` in a Statement v1 (in-toto
Attestation Framework, spec/predicates/test-result.md and spec/v1/statement.md). The statement is
not signed: who vouches for it wraps it in an envelope and signs that.

The subjects are the model and the data. `configuration` holds the other files that the report was
made with: the policy first, then a baseline and records, where there are any. A gate that is waived
is a test that passed with a warning. An inconclusive gate is one that failed, and its name says so:
the predicate knows no open result, and what was not shown must not pass.

A digest called `sha256` is of the bytes of a file. That of a model in a folder, of a plug-in or of
a model in memory is called `attnaudit_sha256`, in lower-case hexadecimal. It is of the names and
SHA-256 of the files, or of the weights.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from attnaudit.errors import InputError, printable
from attnaudit.report.schema import Gate, Report

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://in-toto.io/attestation/test-result/v0.1"
_DIGEST = re.compile("[0-9a-f]{64}")


def statement(report: Report) -> str:
    """The statement as JSON text.

    Raises InputError for a report without gates, or without a digest of the policy or of what was
    audited: such a statement would say nothing that others could check.
    """
    if not report.gates:
        raise InputError(
            "the format in-toto says how gates came out, but this report has no gates",
            hint="give --policy FILE",
        )
    tests: dict[str, list[str]] = {"passedTests": [], "warnedTests": [], "failedTests": []}
    for gate in report.gates:
        kind, name = _test(gate)
        tests[kind].append(name)
    result = "FAILED" if tests["failedTests"] else "WARNED" if tests["warnedTests"] else "PASSED"
    content = {
        "_type": STATEMENT,
        "subject": list(_subjects(report)),
        "predicateType": PREDICATE,
        "predicate": {"result": result, "configuration": list(_configuration(report)), **tests},
    }
    return json.dumps(content, indent=2) + "\n"


def _test(gate: Gate) -> tuple[str, str]:
    """The list that a gate belongs to, and its name there."""
    name = printable(gate.id)
    if gate.status == "inconclusive":
        return "failedTests", f"{name} (inconclusive)"
    kinds = {"pass": "passedTests", "waived": "warnedTests", "fail": "failedTests"}
    return kinds[gate.status], name


def _subjects(report: Report) -> Iterator[dict[str, Any]]:
    """The model and the data, each with its digest."""
    model, data = report.model, report.dataset
    kind = (model.model_extra or {}).get("kind", "checkpoint")
    own = "sha256" if kind == "checkpoint" else "attnaudit_sha256"
    for what, name, digest, algorithm in (
        ("model", model.name, model.sha256, own),
        ("data", data.name, data.sha256, "sha256"),
    ):
        if digest is None or not _DIGEST.fullmatch(digest):
            raise InputError(
                f"the format in-toto needs a digest of the {what}, but this report has none",
                hint="run the audit again",
            )
        notes: dict[str, Any] = {"attnaudit_role": what}
        if what == "data":
            notes["attnaudit_split"] = printable(data.split)
            notes["attnaudit_texts"] = data.instances
            notes["attnaudit_partial"] = data.partial
        yield {"name": printable(name), "digest": {algorithm: digest}, "annotations": notes}


def _configuration(report: Report) -> Iterator[dict[str, Any]]:
    """The files that decided the gates, the policy first, and then what else was read."""
    files = report.manifest.files
    policies = list(dict.fromkeys(gate.file for gate in report.gates if gate.file is not None))
    for policy in policies:
        if not _DIGEST.fullmatch(files.get(policy, "")):
            raise InputError(
                f"the report does not contain the digest of the policy {printable(policy)}",
                hint="judge the gates again: give --policy FILE",
            )
    audited = {report.model.sha256, report.dataset.sha256}
    sound = {name: digest for name, digest in files.items() if _DIGEST.fullmatch(digest)}
    others = (name for name, digest in sound.items() if digest not in audited)
    for name in dict.fromkeys((*policies, *others)):
        yield {"name": printable(name), "digest": {"sha256": files[name]}}
