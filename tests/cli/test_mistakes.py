"""Every mistake: one line on stderr that names it, exit code 2, and nothing left behind."""

from __future__ import annotations

import json
import os
import pickle
import sys

import pytest
import torch
import yaml

from attnaudit.cli import progress

GOOD = [
    {"text": "a truly good film", "label": "positive"},
    {"text": "a bad film", "label": "negative"},
    {"text": "quite good", "label": "positive"},
]


@pytest.fixture
def audit(refused, tiny):
    """`correlate` on a mistake; MODEL and DATA are good ones unless given."""

    def run(*args, model=None, data=None, says=()):
        pair = (model or tiny / "model.pt", data or tiny / "data.yaml")
        return refused("correlate", *pair, *args, says=says)

    return run


# Data files


def test_missing_file(audit, refused):
    audit(data="nope.jsonl", says=["nope.jsonl: no such file"])
    audit(model="nope.pt", says=["nope.pt: no such file", "attnaudit train"])
    audit("--policy", "nope.yaml", says=["nope.yaml: no such file"])
    refused("report", "nope.json", says=["nope.json: no such file"])
    refused("train", "nope.yaml", says=["nope.yaml: no such file"])
    refused("train", "quikstart", says=["did you mean 'quickstart'?"])
    refused("data", "check", "nope.tsv", says=["nope.tsv: no such file"])


def test_folder_in_place_of_a_file(audit, refused, here):
    for name in ("d", "d.jsonl", "d.yaml"):
        (here / name).mkdir()
    audit(data="d", says=["d: is a folder, not a data set"])
    audit(data="d.jsonl", says=["d.jsonl: is a folder"])
    audit(data="d.yaml", says=["d.yaml: is a folder"])
    audit(model="d", says=["d: has no config.json"])
    audit("--policy", "d.yaml", says=["d.yaml: is a folder"])
    refused("report", "d", says=["d: is a folder, not a file"])
    refused("train", "d.yaml", says=["d.yaml: is a folder"])
    refused("data", "check", "d", says=["d: is a folder, not a data set"])
    (here / "d" / "data.yaml").touch()
    (here / "d" / "model.pt").touch()
    audit(data="d", says=["did you mean 'd/data.yaml'?"])
    audit(model="d", says=["did you mean 'd/model.pt'?"])


def test_pipes_in_place_of_files(audit, refused, here):
    """Nothing would ever come: waiting for it would be for ever."""
    for name in ("p.jsonl", "p.yaml", "p.pt", "p.json"):
        os.mkfifo(here / name)
    says = "is a pipe, not a file; write its output into a file first"
    audit(data="p.jsonl", says=[f"p.jsonl: {says}"])
    audit(data="p.yaml", says=[f"p.yaml: {says}"])
    audit(model="p.pt", says=[f"p.pt: {says}"])
    audit("--policy", "p.yaml", says=[f"p.yaml: {says}"])
    refused("report", "p.json", says=[f"p.json: {says}"])
    refused("train", "p.yaml", says=[f"p.yaml: {says}"])
    refused("data", "check", "p.jsonl", says=[f"p.jsonl: {says}"])


def test_a_policy_of_aliases_of_aliases(audit, here):
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    for last, name in zip("abcdefgh", "bcdefghi", strict=True):
        lines.append(f"{name}: &{name} [{', '.join([f'*{last}'] * 9)}]")
    (here / "p.yaml").write_text("\n".join(lines))
    assert (here / "p.yaml").stat().st_size < 410
    audit("--policy", "p.yaml", says=["p.yaml:5: contains more than 10,000 keys and values"])


def test_bytes_that_are_not_text(audit, refused, here):
    line = json.dumps(GOOD[0]).encode() + b"\n"
    (here / "d.jsonl").write_bytes(line + b'{"text": "caf\xe9 noir", "label": "positive"}\n')
    audit(data="d.jsonl", says=["d.jsonl:2: is not UTF-8 text"])
    (here / "c.yaml").write_bytes(b"model:\n  encoder: \xff\n")
    refused("train", "c.yaml", says=["c.yaml:2: is not UTF-8 text"])
    refused("report", "c.yaml", says=["c.yaml:2: is not UTF-8 text"])


def test_broken_json_is_named_by_its_line(audit, rows):
    data = rows(GOOD[0], GOOD[1], '{"text": "no end\n', GOOD[2])
    audit(data=data, says=["rows.jsonl:3: is not valid JSON"])


def test_missing_field(audit, rows):
    data = rows(GOOD[0], {"txt": "good film", "label": "positive"})
    audit(data=data, says=["rows.jsonl:2: the field 'text' is missing", "did you mean 'txt'?"])
    audit(data=rows({"text": "good film"}), says=["rows.jsonl:1: the field 'label' is missing"])


def test_unknown_label(audit, rows):
    data = rows(*GOOD, {"text": "not so good", "label": "negativ"})
    audit(data=data, says=["rows.jsonl:4", "'negativ'", "did you mean 'negative'?"])


def test_duplicate_ids(audit, rows):
    data = rows(*({**row, "id": "same"} for row in GOOD))
    audit(data=data, says=["rows.jsonl:2: the id 'same' occurs twice", "first on line 1"])


def test_no_usable_row(audit, rows):
    data = rows({"text": "", "label": "positive"}, {"text": "one", "label": "negative"})
    audit(data=data, says=["no usable row", "1 empty", "1 one_word"])
    audit(data=rows(), says=["rows.jsonl: has no rows"])


def test_empty_and_one_word_texts_are_skipped_and_counted(correlate, rows):
    short = [{"text": "", "label": "positive"}, {"text": "one", "label": "negative"}]
    data = rows(short[0], *GOOD, short[1], short[0])
    result = correlate(data=data)
    assert result.code == 0
    assert "3 rows: 2 empty, 1 one word" in result.out


def test_a_text_of_a_hundred_thousand_words_is_cut_and_counted(correlate, rows):
    data = rows(*GOOD, {"text": "good film " * 50_000, "label": "positive"})
    result = correlate("--measure", "random", "--json", data=data)
    assert result.code == 0
    report = json.loads(result.out)
    assert report["dataset"]["truncated"] == 1
    assert report["dataset"]["instances"] == 4
    assert "1 of 4 texts was cut at the length limit" in correlate(data=data).out


def test_other_splits_and_limits(audit):
    audit("--split", "tst", says=["has no split 'tst'", "did you mean 'test'?"])
    for limit in ("0", "-3", "ten"):
        audit("--limit", limit, says=["--limit"])


# Checkpoints


def other_program(path, good):
    torch.save({"state_dict": {"w": torch.zeros(2)}}, path)


def truncated(path, good):
    path.write_bytes(good.read_bytes()[:-2000])


def pickled(path, good):
    path.write_bytes(pickle.dumps({"format": "attnaudit-model"}))


def pickled_objects(path, good):
    torch.save({"format": "attnaudit-model", "model": torch.nn.Linear(2, 2)}, path)


def not_finite(path, good):
    content = torch.load(good, weights_only=True)
    content["weights"]["output.bias"].fill_(float("nan"))
    torch.save(content, path)


def lacks_weights(path, good):
    content = torch.load(good, weights_only=True)
    del content["weights"]["output.bias"]
    torch.save(content, path)


def from_the_future(path, good):
    torch.save({**torch.load(good, weights_only=True), "version": 99}, path)


def text(path, good):
    path.write_text("not a model")


def empty(path, good):
    path.write_bytes(b"")


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (truncated, "bad.pt: is "),
        (pickled, "bad.pt: "),
        (pickled_objects, "pickled Python objects, which attnaudit never loads"),
        (other_program, "not a checkpoint of attnaudit"),
        (not_finite, "not finite (in output.bias)"),
        (lacks_weights, "is a damaged checkpoint"),
        (from_the_future, "checkpoint version 99"),
        (text, "bad.pt: is not a torch "),
        (empty, "bad.pt: is "),
    ],
)
def test_unusable_checkpoint(audit, here, tiny, damage, says):
    damage(here / "bad.pt", tiny / "model.pt")
    audit("--records", "r.jsonl", model="bad.pt", says=["bad.pt", says])


class Bomb:
    def __reduce__(self):
        return (open, ("exploded", "w"))


def test_nothing_in_a_checkpoint_is_ever_run(audit, here):
    with (here / "bad.pt").open("wb") as file:
        pickle.dump(Bomb(), file)
    audit(model="bad.pt")
    torch.save({"format": "attnaudit-model", "bomb": Bomb()}, here / "bad.pt")
    audit(model="bad.pt")


def test_labels_of_model_and_data_differ(audit, rows, here):
    rows(*({**r, "label": "pos" if r["label"] == "positive" else "neg"} for r in GOOD))
    (here / "d.yaml").write_text("file: rows.jsonl\nlabels: [neg, pos]\n")
    audit(data="d.yaml", says=["'neg', 'pos'", "not the model's", "'negative', 'positive'"])
    audit(data="rows.jsonl", says=["rows.jsonl:1", "'pos'", "known: 'negative', 'positive'"])


def test_pairs_for_a_model_of_single_texts(audit, rows):
    data = rows(*({**row, "query": "is it good"} for row in GOOD))
    audit(data=data, says=["trained on single texts, but the data have pairs"])


def test_unusable_plugins(audit, here, monkeypatch):
    monkeypatch.syspath_prepend(here)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # Python's own file is not our output
    (here / "mine.py").write_text("def make(spec, seed):\n    return 3\nbroken = 1 / 1\n")
    audit(model="nowhere_at_all:make", says=["no module named 'nowhere_at_all'"])
    audit(model="mine:mak", says=["mine has no 'mak'"])
    audit(model="mine:make", says=["gives a int, not an"])
    audit(model="mine:broken", says=["calling it fails (TypeError"])


# Outputs


def test_unwritable_output_is_refused_before_any_work(audit, here, monkeypatch):
    def too_late(*_):
        raise AssertionError("work has started")

    monkeypatch.setattr("attnaudit.running.run.ask_questions", too_late)
    (here / "folder").mkdir()
    for option in ("-o", "--records"):
        audit(option, "folder", says=["folder: is a folder, not a file"])
        audit(option, "missing/x.json", says=["missing/x.json: the folder does not exist"])


def test_outputs_do_not_destroy_inputs(audit, rows, here):
    data = rows(*GOOD)
    before = (here / data).read_text()
    audit("--records", data, data=data, says=["rows.jsonl: is also read by this command"])
    audit("-o", f"./{data}", data=data, says=["is also read by this command"])
    audit("-o", "x.json", "--records", "x.json", says=["x.json: is also written by this command"])
    assert (here / data).read_text() == before
    (here / "d.yaml").write_text(f"train: {data}\ntest: {data}\n")
    (here / "whole.yaml").write_text(f"file: {data}\n")
    for spec in ("d.yaml", "whole.yaml"):
        for option in ("--records", "-o"):
            audit(option, data, data=spec, says=["rows.jsonl: is also read by this command"])
    assert (here / data).read_text() == before


def test_report_does_not_overwrite_what_it_reads(correlate, refused):
    correlate("--records", "r.jsonl", "--limit", 3)
    refused("report", "r.jsonl", "-o", "r.jsonl", says=["r.jsonl: is also read by this command"])
    refused("report", "r.jsonl", "-o", "missing/x", says=["missing/x: the folder does not exist"])


def test_unwritable_training_folder(refused, here, tiny_yaml):
    (here / "c.yaml").write_text(tiny_yaml)
    (here / "file").write_text("")
    refused("train", "c.yaml", "-o", "file", says=["file: "])
    (here / "out" / "model.pt").mkdir(parents=True)
    refused("train", "c.yaml", "-o", "out", says=["model.pt: is a folder"])


def test_unwritable_corpus_folder(refused, here):
    (here / "file").write_text("")
    refused("data", "generate", "file", says=["file: cannot be made"])
    refused("data", "generate", "file/in", says=["file/in: cannot be made"])


# Options


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a cuda device")
def test_device_that_is_not_there(audit):
    audit("--device", "cuda", says=["no cuda device", "--device cpu"])


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["--measure", "gradeint"], "unknown importance measure 'gradeint'; did you mean 'gra"),
        (["--device", "gpu"], "'gpu' is not one of"),
        (["--dtype", "int8"], "'int8' is not one of"),
        (["--target", "both"], "--target"),
        (["--unit", "letters"], "--unit"),
        (["--top", "0"], "--top: should be greater than 0, not 0"),
        (["--top", "1.5"], "--top: should be less than or equal to 1, not 1.5"),
        (["--top", "nan"], "--top: should be"),
        (["--seed", "-1"], "--seed"),
        (["--seed", "99999999999999999999"], "--seed"),
        (["--threads", "0"], "--threads"),
        (["--batch-tokens", "0"], "--batch-tokens"),
        (["--resume"], "--resume needs the --records"),
        (["--colour"], "No such option"),
        (["one", "too", "many"], "unexpected extra argument"),
    ],
)
def test_unusable_options(audit, args, says):
    audit(*args, says=[says])


def test_unknown_commands(refused):
    refused("corelate", says=["corelate"])
    refused("data", "chekc", says=["chekc"])
    refused("train", says=["CONFIG"])
    refused("report", says=["missing FILE"])


def test_resuming_what_is_not_there_to_resume(cli, here, correlate, ctrl_c_at_once):
    """It is kept, and the audit begins anew: whoever meant the other run still has it."""
    correlate("--records", "r.jsonl", "--batch-tokens", 150, "--seed", 1)
    left = (here / "r.jsonl.partial").read_bytes()
    again = correlate("--records", "r.jsonl", "--resume", "--seed", 2)
    assert "set aside as r.jsonl.partial.old1: it belongs to another run" in again.err
    assert "seed is 1, but this run's is 2" in again.err
    assert (here / "r.jsonl.partial.old1").read_bytes() == left
    (here / "r.jsonl.partial").write_text("garbage\n")
    again = correlate("--records", "r.jsonl", "--resume")
    assert "r.jsonl.partial:1: is not valid JSON" in again.err
    assert (here / "r.jsonl.partial.old2").read_text() == "garbage\n"


def test_work_is_spread_in_one_way(audit, refused):
    both = ("--workers", 2, "--cluster", "tcp://127.0.0.1:1")
    audit(*both, says=["--workers and --cluster are both given", "leave --workers out"])
    refused("audit", "quickstart", *both, says=["--workers and --cluster are both given"])
    audit("--workers", 0, says=["--workers", "greater than or equal to 1"])
    said = audit("--device", "abacus", says=["--device", "'abacus' is not one of"])
    assert "Value error" not in said
    audit("--cluster", "", says=["--cluster: no address is given"])


@pytest.fixture
def ctrl_c_at_once(monkeypatch):
    def press(self, steps=1, info=""):
        raise KeyboardInterrupt

    monkeypatch.setattr(progress.Silent, "advance", press)


# Settings files


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("training: {conicity: -1}", ["c.yaml:4: training.conicity: should be "]),
        ("training: {conicty: 1}", ["c.yaml:4: unknown key", "did you mean 'conicity'?"]),
        ("trainig: {epochs: 2}", ["c.yaml:4: unknown key 'trainig'", "did you mean 'training'?"]),
        ("vectors: {fil: x.vec}", ["c.yaml:4: unknown key 'vectors.fil'", "'file'"]),
        ("vocabulary: {min_count: none}", ["c.yaml:4: vocabulary.min_count"]),
        ("model: {encoder: lstm}", ["c.yaml:4: the key 'model' occurs twice"]),
        ("output: [", ["c.yaml", "is not valid YAML"]),
    ],
)
def test_mistakes_in_a_training_config(refused, here, tiny_yaml, line, says):
    (here / "c.yaml").write_text(tiny_yaml.partition("training")[0] + line + "\n")
    refused("train", "c.yaml", says=says)


def test_training_without_data(refused, here):
    (here / "c.yaml").write_text("model: {encoder: cnn}\n")
    refused("train", "c.yaml", says=["c.yaml: does not say which data to use", "--data SPEC.yaml"])
    refused("train", "c.yaml", "--data", "nope.yaml", says=["nope.yaml: no such file"])


def test_vectors_that_are_not_there(refused, here, tiny, tiny_yaml):
    (here / "c.yaml").write_text(tiny_yaml)
    data = ("--data", tiny / "data.yaml")
    refused("train", "c.yaml", *data, "--vectors", "nope.vec", says=["nope.vec: no such file"])


def test_training_needs_train_and_dev(refused, here, rows):
    (here / "c.yaml").write_text(f"data: {rows(*GOOD)}\n")
    refused("train", "c.yaml", says=["rows.jsonl: has no train split"])


def test_mistakes_in_a_dataset_spec(audit, refused, here, rows):
    rows(*GOOD)
    (here / "d.yaml").write_text("file: rows.jsonl\nlables: [negative, positive]\n")
    says = ["d.yaml:2: unknown key 'lables'", "did you mean 'labels'?"]
    audit(data="d.yaml", says=says)
    refused("data", "check", "d.yaml", says=says)


def test_mistakes_in_a_policy(audit, refused, here, correlate):
    correlate("--records", "r.jsonl", "--limit", 3)
    gate = "gates:\n  - id: one\n    {}: correlate.gradient.tau.mean\n    min: 0.2\n"
    for content, says in (
        (gate.format("metrc"), ["p.yaml:3", "metrc", "did you mean 'metric'?"]),
        (gate.replace("mean", "maen").format("metric"), ["p.yaml:3: unknown metric", "tau.mean'?"]),
        (gate.replace("0.2", "20").format("metric"), ["p.yaml:4", "min 20"]),
        ("", ["p.yaml: does not contain a YAML mapping"]),
    ):
        (here / "p.yaml").write_text(content)
        audit("--policy", "p.yaml", says=says)
        refused("report", "r.jsonl", "--policy", "p.yaml", says=says)


# Reports


def test_files_that_are_no_reports(refused, here, rows):
    refused("report", rows(*GOOD), says=["rows.jsonl:2: is not valid JSON"])
    (here / "x.json").write_text('{"schema_version": 3}')
    refused("report", "x.json", says=["x.json: has schema version 3"])
    (here / "x.json").write_text("[]")
    refused("report", "x.json", says=["x.json: is not an attnaudit report"])


def test_torn_records(refused, here, correlate):
    correlate("--records", "r.jsonl", "--limit", 3)
    lines = (here / "r.jsonl").read_text().splitlines(keepends=True)
    (here / "torn.jsonl").write_text("".join(lines[:-1]))
    refused("report", "torn.jsonl", says=["torn.jsonl:4: is not complete"])
    (here / "fewer.jsonl").write_text("".join([*lines[:2], lines[-1]]))
    refused("report", "fewer.jsonl", says=["fewer.jsonl:3", "1 records", "says 3"])


# Names that come from files


def test_terminal_escapes_are_shown_not_sent(audit, rows, cli, here):
    """The fixtures refuse any line that is not printable."""
    escape = "\x1b[2J"
    data = rows(*GOOD, {"text": "not so good", "label": f"pos{escape}"})
    audit(data=data, says=[r"pos\x1b[2J"])
    data = rows(*({**row, "id": escape} for row in GOOD))
    audit(data=data, says=[r"\x1b[2J"])
    audit(model=f"{escape}.pt", says=[r"\x1b[2J.pt"])
    audit("--split", escape, says=[r"\x1b[2J"])
    names = ["good", f"bad{escape}"]
    spec = {"file": rows(*({**r, "label": n} for r, n in zip(GOOD, names, strict=False)))}
    (here / "d.yaml").write_text(yaml.safe_dump({**spec, "labels": names}))
    shown = cli("data", "check", "d.yaml").out
    assert "\x1b" not in shown
    assert r"bad\x1b[2J" in shown


# What only the program as a whole can refuse


def test_what_no_machine_has_is_no_internal_error(refused, audit, here, tiny):
    audit(model="x" * 5000 + ".pt", says=["File name too long"])
    audit(data="x" * 5000 + ".jsonl", says=["File name too long"])
    refused("correlate", "", tiny / "data.yaml", says=["missing MODEL"])
    audit("--threads", "100000", says=["--threads"])
    audit("-o", "out.xlsx", says=["out.xlsx: no format has the ending '.xlsx'", ".html"])
    (here / "c.yaml").write_text(f"data: {tiny / 'data.yaml'}\nmodel: {{embedding: 99999999999}}\n")
    refused("train", "c.yaml", says=["c.yaml:2: model.embedding: should be less"])


def test_a_file_without_end_is_refused(refused):
    refused("report", "/dev/zero", says=["/dev/zero: is a device, not a file"])
    refused("train", "/dev/zero", says=["/dev/zero: "])


def test_a_line_is_no_longer_than_can_be_read(refused, here):
    """Found by fuzzing: a library quotes a text of any length that it cannot read."""
    name = "x" * 200 + "/"
    said = refused("report", name * 60 + "end.json", says=["File name too long"])
    assert len(said) < 2100
    assert "xx ... xx" in said
