"""attnaudit.yaml in the working folder."""

from __future__ import annotations

import json
import shutil

import pytest


@pytest.fixture
def project(here, tiny):
    """Write attnaudit.yaml, with MODEL and DATA named in it, which stand in a folder beside it."""
    shutil.copytree(tiny, here / "tiny")

    def write(*lines):
        named = ["model: tiny/model.pt", "data: tiny/data.yaml", "measure: random"]
        (here / "attnaudit.yaml").write_text("\n".join([*named, *lines]) + "\n")

    return write


def audited(cli, *args):
    result = cli("correlate", "--json", *args)
    assert result.code == 0, result.err
    return json.loads(result.out)


def test_what_the_command_line_leaves_out_comes_from_the_file(cli, project):
    project("limit: 6", "seed: 5")
    report = audited(cli)
    assert report["model"]["name"] == "tiny/model.pt"
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
        ("correlate: 3", ["attnaudit.yaml:4: 'correlate' must contain options"]),
        ("limit: [1, 2]", ["attnaudit.yaml:4: 'limit' needs one value"]),
        ("limit: {a: 1}", ["attnaudit.yaml:4: 'limit' needs one value"]),
        ("limit: ten", ["attnaudit.yaml: ", "--limit"]),
        ("device: gpu", ["attnaudit.yaml: ", "--device", "gpu"]),
        ("seed: -1", ["attnaudit.yaml: ", "--seed"]),
        ("correlate: {measure: [gradeint]}", ["'gradeint'", "did you mean 'gradient'?"]),
        ("? [1, 2]\n: 3", ["attnaudit.yaml"]),
        ("limit: 3\nlimit: 4", ["attnaudit.yaml:5: the key 'limit' occurs twice"]),
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


def test_help_shows_nothing_of_the_file(cli, here):
    plain = cli("correlate", "--help").out
    (here / "attnaudit.yaml").write_text('split: "\\e[2J::error::x"\nlimit: 7\n')
    assert cli("correlate", "--help").out == plain


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (["model: evil:make"], ["attnaudit.yaml:1: model: 'evil:make'", "a plug-in is code"]),
        (["correlate:", "  model: evil:make"], ["attnaudit.yaml:2: correlate.model: 'evil:make'"]),
        (["model: owner/name"], ["attnaudit.yaml:1", "would be downloaded"]),
        (["revision: main"], ["attnaudit.yaml:1: revision", "what is downloaded"]),
        (["cluster: tcp://10.0.0.1:8786"], ["attnaudit.yaml:1: cluster", "can run code"]),
        (["output: ABSOLUTE/x.json"], ["attnaudit.yaml:1: output", "leads out of this folder"]),
        (["correlate: {output: ../x.json}"], ["correlate.output: '../x.json'", "leads out"]),
        (["records: in/../../x.jsonl"], ["records: 'in/../../x.jsonl'", "leads out"]),
        (["records: out/x.jsonl"], ["records: 'out/x.jsonl'", "leads out"]),
        (["data: out/d.yaml"], ["data: 'out/d.yaml'", "leads out"]),
        (["data: linked.yaml"], ["data: 'linked.yaml'", "leads out"]),
        (["policy: /etc/passwd"], ["policy: '/etc/passwd'", "leads out"]),
        (["baseline: ~/x", "policy: ../p"], ["policy: '../p'"]),  # ~ is no home here
        (["probe: {guide: [a=in/x.pt, b=../x.pt]}"], ["probe.guide: 'b=../x.pt'", "leads out"]),
        (["adversary: {seed-baseline: ../s.jsonl}"], ["adversary.seed-baseline", "leads out"]),
        (["seed-baseline: {recipe: train.yaml}"], ["seed-baseline.recipe", "a configuration"]),
        (["adversary: {models: ../m}"], ["adversary.models: '../m'", "leads out"]),
        (["train: {config: mine.yaml}"], ["train.config", "a configuration"]),
        (["audit: {vectors: ../v.txt}"], ["audit.vectors", "leads out"]),
        (["report: {files: [../r.jsonl]}"], ["report.files: '../r.jsonl'", "leads out"]),
        (["data: {generate: {folder: ../d}}"], ["generate"]),
        (["workers: 9999"], ["workers: '9999'", "this machine has"]),
        (['output: "a\\0b"'], ["output", "not a path"]),
    ],
)
def test_a_strangers_file_reaches_nothing_outside_its_folder(refused, here, lines, says):
    outside = here.parent / f"{here.name}-outside"
    outside.mkdir()
    (outside / "d.yaml").write_text("test: d.jsonl\n")
    (here / "out").symlink_to(outside)
    (here / "in").mkdir()
    (here / "linked.yaml").symlink_to(outside / "d.yaml")
    (here / "evil.py").write_text("open('run', 'w')\n")
    text = "\n".join(lines).replace("ABSOLUTE", str(outside))
    (here / "attnaudit.yaml").write_text(f"{text}\n")
    said = refused("correlate", says=says)
    assert "give it on the command line" in said or "generate" in said
    assert [path.name for path in outside.iterdir()] == ["d.yaml"]


def test_the_folder_itself_may_be_named_in_full_or_through_a_link(cli, project, here):
    (here / "again").symlink_to(here / "tiny")
    project(f"records: {here / 'r.jsonl'}", "limit: 3")
    assert audited(cli, "--data", "again/data.yaml")["dataset"]["instances"] == 3
    assert (here / "r.jsonl").exists()


def test_the_command_line_may_name_all_that_the_file_may_not(cli, here, tiny):
    (here / "attnaudit.yaml").write_text("measure: random\nlimit: 3\n")
    other = here.parent / f"{here.name}-other.json"
    result = cli("correlate", tiny / "model.pt", tiny / "data.yaml", "-o", other, "--quiet")
    assert (result.code, other.exists()) == (0, True)
