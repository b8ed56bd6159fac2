"""attnaudit.yaml in the working folder."""

from __future__ import annotations

import json

import pytest


@pytest.fixture
def project(here, tiny):
    """Write attnaudit.yaml, with MODEL and DATA named in it."""

    def write(*lines):
        named = [f"model: {tiny / 'model.pt'}", f"data: {tiny / 'data.yaml'}", "measure: random"]
        (here / "attnaudit.yaml").write_text("\n".join([*named, *lines]) + "\n")

    return write


def audited(cli, *args):
    result = cli("correlate", "--json", *args)
    assert result.code == 0, result.err
    return json.loads(result.out)


def test_what_the_command_line_leaves_out_comes_from_the_file(cli, project, tiny):
    project("limit: 6", "seed: 5")
    report = audited(cli)
    assert report["model"]["name"] == str(tiny / "model.pt")
    assert report["dataset"]["instances"] == 6
    assert report["settings"]["seed"] == 5
    assert report["settings"]["measures"] == ["random"]


def test_flag_before_file_before_default(cli, project):
    project("limit: 6", "correlate:", "  limit: 5", "  split: dev")
    report = audited(cli)
    assert (report["dataset"]["instances"], report["dataset"]["split"]) == (5, "dev")
    assert report["settings"]["seed"] == 0
    report = audited(cli, "--limit", 4, "--measure", "gradient")
    assert report["dataset"]["instances"] == 4
    assert report["settings"]["measures"] == ["gradient"]


def test_arguments_and_options_prevail_over_the_file(cli, project, tiny):
    project("limit: 3")
    other = tiny / "dev.jsonl"
    assert audited(cli, "--data", other)["dataset"]["name"] == str(other)
    assert audited(cli, tiny / "model.pt", other)["dataset"]["name"] == str(other)


def test_a_section_is_for_its_command_only(cli, project, here):
    project("limit: 4", "report:", "  json: true")
    result = cli("correlate", "--records", "r.jsonl")
    assert "Attention against importance" in result.out
    assert json.loads(cli("report", "r.jsonl").out)["dataset"]["instances"] == 4


def test_keys_are_spelled_as_options_are(cli, project):
    project("batch-tokens: 99", "limit: 3", "json: yes", "quiet: no", "output:")
    report = json.loads(cli("correlate").out)
    assert report["manifest"]["settings"]["batch_tokens"] == 99
    project("batch_tokens: 77", "limit: 3")
    assert audited(cli)["manifest"]["settings"]["batch_tokens"] == 77


def test_lists_are_options_given_often(cli, project):
    project("limit: 3", "correlate:", "  measure: [random, gradient]")
    assert audited(cli)["settings"]["measures"] == ["gradient", "random"]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("limt: 3", ["attnaudit.yaml:4: unknown key 'limt'", "did you mean 'limit'?"]),
        ("corelate: {limit: 3}", ["attnaudit.yaml:4: unknown key", "did you mean 'correlate'?"]),
        ("correlate: {tpo: 3}", ["attnaudit.yaml:4: unknown key 'tpo'", "did you mean 'top'?"]),
        ("report: {limit: 3}", ["attnaudit.yaml:4: unknown key 'limit'"]),
        ("correlate: 3", ["attnaudit.yaml:4: 'correlate' must hold options"]),
        ("limit: [1, 2]", ["attnaudit.yaml:4: 'limit' needs one value"]),
        ("limit: {a: 1}", ["attnaudit.yaml:4: 'limit' needs one value"]),
        ("limit: ten", ["attnaudit.yaml: ", "--limit"]),
        ("device: gpu", ["attnaudit.yaml: ", "--device", "gpu"]),
        ("seed: -1", ["attnaudit.yaml: ", "--seed"]),
        ("correlate: {measure: [gradeint]}", ["'gradeint'", "did you mean 'gradient'?"]),
        ("? [1, 2]\n: 3", ["attnaudit.yaml"]),
        ("limit: 3\nlimit: 4", ["attnaudit.yaml:5: the key 'limit' stands twice"]),
        ("limit: 'x", ["attnaudit.yaml", "is not valid YAML"]),
        ("no: 3", ["attnaudit.yaml", "unknown key"]),
    ],
)
def test_mistakes_in_the_file(refused, project, line, says):
    project(line)
    refused("correlate", says=says)


def test_a_wrong_flag_is_not_blamed_on_the_file(refused, project):
    project("limit: 3")
    assert "attnaudit.yaml" not in refused("correlate", "--limit", "ten", says=["--limit"])


def test_the_file_is_not_read_for_help(cli, here):
    (here / "attnaudit.yaml").write_text("nonsense\n")
    assert cli("--help").code == 0
    assert cli("--version").code == 0


def test_an_empty_file_says_so(refused, here):
    (here / "attnaudit.yaml").write_text("# nothing yet\n")
    refused("correlate", says=["attnaudit.yaml"])


def test_a_mistake_in_the_file_does_not_keep_help_away(cli, refused, here):
    (here / "attnaudit.yaml").write_text("limt: 3\n")
    for command in (("correlate",), ("report",), ("data", "check")):
        shown = cli(*command, "--help")
        assert (shown.code, shown.err) == (0, "")
        assert shown.out.startswith("Usage: attnaudit")
    refused("correlate", says=["attnaudit.yaml:1: unknown key 'limt'"])
