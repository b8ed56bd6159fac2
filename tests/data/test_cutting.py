from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from attnaudit.data.loading import default_split, load_dataset, splits_of
from attnaudit.data.spec import load_spec
from attnaudit.errors import InputError

REAL = Path(__file__).parents[3] / "shared" / "data"
ROWS = [{"text": f"w{i} x", "label": "ab"[i % 2]} for i in range(100)]


@pytest.fixture
def spec(tmp_path):
    """A spec with the rows of one file; what else it says is given as YAML."""

    def make(rows, more="split: 80/10/10"):
        path = tmp_path / "a.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        (tmp_path / "a.yaml").write_text(f"file: a.jsonl\n{more}\n", encoding="utf-8")
        return load_spec(tmp_path / "a.yaml")

    return make


def texts(spec):
    return {
        split: [" ".join(i.tokens) for i in load_dataset(spec, split).instances]
        for split in splits_of(spec)
    }


@pytest.fixture
def complaint(spec, tmp_path):
    def read(rows, more="split: 80/10/10"):
        with pytest.raises(InputError) as caught:
            load_dataset(spec(rows, more))
        assert "\n" not in str(caught.value)
        return str(caught.value).removeprefix(str(tmp_path))

    return read


def test_one_file_is_split_by_label(spec):
    found = spec(ROWS)
    assert splits_of(found) == ("train", "dev", "test")
    assert default_split(found) == "test"
    data = {split: load_dataset(found, split) for split in splits_of(found)}
    assert {split: len(d.instances) for split, d in data.items()} == {
        "train": 80,
        "dev": 10,
        "test": 10,
    }
    for one in data.values():
        counts = Counter(i.label for i in one.instances)
        assert counts[0] == counts[1]
        assert one.cut is not None
        assert one.cut.rows == {"train": 80, "dev": 10, "test": 10}
    lines = [i.line for one in data.values() for i in one.instances]
    assert sorted(lines) == list(range(1, 101))
    assert data["test"].cut.words == (
        "split by label into 80 train, 10 dev and 10 test rows (80/10/10, seed 0)"
    )
    assert data["test"].cut.facts == {
        "shares": "80/10/10",
        "seed": 0,
        "rows": {"train": 80, "dev": 10, "test": 10},
        "groups_whole": False,
    }
    assert len(load_dataset(found, "all").instances) == 100


def test_which_rows_go_where_is_pinned(spec):
    """On every machine and version: whoever trains today must test on the same rows tomorrow."""
    found = texts(spec(ROWS[:20], "split: 60/20/20"))
    assert found["dev"] == PINNED_DEV
    assert found["test"] == PINNED_TEST


PINNED_DEV = [f"w{i} x" for i in (6, 11, 12, 19)]
PINNED_TEST = [f"w{i} x" for i in (3, 10, 17, 18)]


def test_the_split_depends_on_the_seed_and_not_on_the_order_of_rows(spec):
    first = texts(spec(ROWS))
    again = texts(spec(ROWS[::-1]))
    assert {split: set(found) for split, found in first.items()} == {
        split: set(found) for split, found in again.items()
    }
    other = texts(spec(ROWS, "split: 80/10/10\nsplit_seed: 1"))
    assert set(other["test"]) != set(first["test"])


SEEN = """
import sys
from pathlib import Path
from attnaudit.data.loading import load_dataset
from attnaudit.data.spec import load_spec
print(*[i.line for i in load_dataset(load_spec(Path(sys.argv[1])), "test").instances])
"""


def test_hash_randomisation_changes_nothing(spec, tmp_path, monkeypatch):
    spec(ROWS)
    shown = set()
    for seed in ("1", "2"):
        monkeypatch.setenv("PYTHONHASHSEED", seed)
        done = subprocess.run(
            [sys.executable, "-c", SEEN, tmp_path / "a.yaml"], capture_output=True, check=True
        )
        shown.add(done.stdout)
    assert len(shown) == 1


def test_texts_that_stand_twice_are_in_one_split(spec):
    twice = ROWS + [{"text": f"  w{i}\tx", "label": "ab"[i % 2]} for i in range(50)]
    found = texts(spec(twice))
    assert not set(found["train"]) & {*found["dev"], *found["test"]}
    assert not set(found["dev"]) & set(found["test"])
    assert sum(map(len, found.values())) == 150
    pairs = [{**row, "query": str(i)} for i, row in enumerate(ROWS[:2] * 50)]
    assert len(texts(spec(pairs))["train"]) == 80  # each pair by itself


def test_groups_stay_whole(spec):
    grouped = [{**row, "author": i // 4} for i, row in enumerate(ROWS)]
    found = spec(grouped, "split: 60/20/20\nfields: {group: author}")
    data = {split: load_dataset(found, split) for split in splits_of(found)}
    groups = {split: {i.group for i in one.instances} for split, one in data.items()}
    assert sum(map(len, groups.values())) == 25
    assert {split: len(one.instances) for split, one in data.items()} == {
        "train": 60,
        "dev": 20,
        "test": 20,
    }
    assert data["dev"].cut.words.endswith("(60/20/20, seed 0; rows of one group stay together)")


def test_a_share_of_none_leaves_a_split_out(spec):
    found = spec(ROWS, "split: 90/10/0")
    assert splits_of(found) == ("train", "dev")
    assert default_split(found) == "dev"
    with pytest.raises(
        InputError, match="no row belongs to the split 'test'; known: 'train', 'dev'"
    ):
        load_dataset(found, "testing")


@pytest.mark.parametrize(
    ("rows", "more", "says"),
    [
        (
            [*ROWS, {"text": "u v", "label": "c"}],
            "split: 80/10/10",
            "/a.jsonl: the label 'c' has 1 different text, too few for 3 splits; add rows of",
        ),
        (
            [*ROWS, *([{"text": "u v", "label": "c"}] * 5)],
            "split: 80/10/10",
            "/a.jsonl: the label 'c' has 1 different text, too few for 3 splits",
        ),
        (
            [{**row, "group": i % 2} for i, row in enumerate(ROWS)],
            "split: 80/10/10",
            "/a.jsonl: the label 'a' has 1 group, too few for 3 splits",
        ),
        (
            [{**row, "split": "train"} for row in ROWS],
            "split: 80/10/10",
            "/a.jsonl:1: the row names its split in the field 'split', and the spec says to split",
        ),
        (
            [*ROWS, {"text": "u v", "label": "A"}],
            "split: 80/10/10\nlabels: [a, b]",
            "/a.jsonl:101: the label 'A' is not known; known: 'a', 'b'",
        ),
        (ROWS, "split: 80/10/5", "/a.yaml:2: split: the shares 80/10/5 add up to 95, not to 100"),
        (ROWS, "split: 80/20", "/a.yaml:2: split: should be the shares of train, dev and test"),
        (ROWS, "split: 80", "/a.yaml:2: split: should be a valid string, not 80; put it in quotes"),
        (ROWS, "split_seed: 1", "/a.yaml: `split_seed` goes with `split`, such as"),
        (ROWS, "split: 80/10/10\nsplit_seed: -1", "/a.yaml:3: split_seed: should be greater than"),
        (
            ROWS,
            "split: 80/10/10\nfields: {split: fold}",
            "/a.yaml: gives shares as `split`, and a field in which rows name their split",
        ),
    ],
)
def test_mistakes_are_named(complaint, rows, more, says):
    assert complaint(rows, more).startswith(says)


def test_a_spec_with_a_file_for_each_split_is_not_split(tmp_path):
    (tmp_path / "a.yaml").write_text("train: a.csv\ndev: b.csv\nsplit: 80/10/10\n")
    with pytest.raises(InputError, match="`split` cuts one `file`, and this names a file for each"):
        load_spec(tmp_path / "a.yaml")


def test_a_label_that_groups_keep_from_a_split_is_named(spec):
    rows = [{"text": f"w{i}", "label": "a", "group": i} for i in range(10)]
    rows += [{"text": f"v{i}", "label": "b", "group": 50 + i} for i in range(9)]
    rows += [{"text": "u", "label": "c", "group": 0}]
    with pytest.raises(InputError) as caught:
        load_dataset(spec(rows))
    assert "no row of the label 'c' would be in" in str(caught.value)
    assert "because rows of one group stay together; give another `split_seed`" in str(caught.value)


def test_other_rows_have_another_digest(spec):
    first, other = (
        load_dataset(spec(ROWS, f"split: 80/10/10\nsplit_seed: {seed}"), "train") for seed in (0, 1)
    )
    assert first.sha256 == other.sha256
    assert len({first.digest, other.digest, load_dataset(spec(ROWS), "dev").digest}) == 3
    plain = load_dataset(spec(ROWS, ""))
    assert plain.digest == plain.sha256
    labels = [load_dataset(spec(ROWS, f"labels: {m}")) for m in ("{a: x, b: y}", "{b: x, a: y}")]
    assert labels[0].labels == labels[1].labels
    assert labels[0].digest != labels[1].digest


@pytest.mark.skipif(not REAL.is_dir(), reason="the shared real data are not here")
def test_sst_is_split_within_a_row_of_the_shares(tmp_path):
    rows = (REAL / "sst2" / "train.jsonl").read_text(encoding="utf-8")
    (tmp_path / "a.jsonl").write_text(rows, encoding="utf-8")
    (tmp_path / "a.yaml").write_text("file: a.jsonl\nsplit: 80/10/10\n")
    data = load_dataset(load_spec(tmp_path / "a.yaml"), "dev")
    assert data.cut is not None
    counts = Counter(data.labels[i.label] for i in data.instances)
    assert abs(counts["negative"] - 331) <= 2
    assert abs(counts["positive"] - 361) <= 2
