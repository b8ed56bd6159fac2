from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import huggingface_hub
import pytest

from attnaudit.data import hub
from attnaudit.data.loading import load_dataset, splits_of
from attnaudit.data.spec import load_spec
from attnaudit.errors import InputError

FILES = ("README.md", "data/train-00000-of-00001.parquet", "data/validation-00000-of-00001.parquet")


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """A hub with one data set, whose files are downloaded to a folder here when they are asked for.

    `told` holds what was downloaded.
    """
    made = SimpleNamespace(files=dict.fromkeys(FILES, 100), told=[], down=False)
    folder = tmp_path / "snapshots" / "c0ffee"

    def dataset_info(self, name, *, revision, timeout, files_metadata):
        if made.down:
            raise OSError("no route to host")
        if name != "some/set":
            raise huggingface_hub.errors.HFValidationError("no such data set")
        siblings = [SimpleNamespace(rfilename=n, size=s) for n, s in made.files.items()]
        return SimpleNamespace(sha="c0ffee", siblings=siblings)

    def snapshot_download(
        name, *, repo_type, revision, allow_patterns=None, local_files_only=False
    ):
        assert repo_type == "dataset"
        if local_files_only and not folder.exists():
            raise huggingface_hub.errors.LocalEntryNotFoundError("not there")
        if not local_files_only:
            made.told.append((name, revision, sorted(allow_patterns)))
            for file in allow_patterns:
                (folder / file).parent.mkdir(parents=True, exist_ok=True)
                write(folder / file)
        return str(folder)

    def write(path):
        parquet = pytest.importorskip(
            "pyarrow.parquet", reason="the extra `parquet` is not installed"
        )
        import pyarrow

        columns = {"sentence": ["a b", "c", "d e"], "label": [1, 0, 1]}
        parquet.write_table(pyarrow.table(columns), path)

    monkeypatch.setattr(huggingface_hub.HfApi, "dataset_info", dataset_info)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    monkeypatch.chdir(tmp_path)
    return made


def test_a_data_set_of_the_hub_is_read_by_its_splits(shop, tmp_path):
    (tmp_path / "a.yaml").write_text("hub: some/set\nfields: {text: sentence}\n")
    spec = load_spec(tmp_path / "a.yaml")
    assert splits_of(spec) == ("train", "dev")
    assert spec.revision == "c0ffee"
    assert len(load_dataset(spec).instances) == 3
    assert shop.told == [("some/set", "c0ffee", sorted(FILES[1:]))]
    shop.down = True  # and then what is in the cache will do
    assert splits_of(load_spec(Path("some/set"))) == ("train", "dev")


def test_a_file_that_is_not_there_is_no_data_set_of_the_hub(shop, tmp_path):
    (tmp_path / "some").mkdir()
    with pytest.raises(InputError, match="some/set: is not a data set: '' is none of"):
        load_spec(Path("some/set"))
    with pytest.raises(InputError, match="is not a data set"):
        load_spec(Path("/some/set"))
    assert not shop.told


def test_what_the_hub_has_not_is_named(shop):
    with pytest.raises(
        InputError, match=r"other/set: other/set cannot be had from the hub \(no su"
    ):
        load_spec(Path("other/set"))
    shop.down = True
    with pytest.raises(InputError, match=r"not in the cache, and the hub cannot be reached \(no r"):
        load_spec(Path("some/set"))


def test_a_large_data_set_is_not_downloaded(shop):
    shop.files[FILES[1]] = hub.LARGEST
    with pytest.raises(InputError, match="has 4096 MiB, more than 4096 MiB; make a smaller one"):
        load_spec(Path("some/set"))
    assert not shop.told


@pytest.mark.parametrize(
    ("files", "subset", "found"),
    [
        (
            ["train.parquet", "test.parquet"],
            None,
            {"train": "train.parquet", "test": "test.parquet"},
        ),
        (
            ["a/train-00000-of-00002-ab12.parquet", "a/x.json"],
            None,
            {"train": "a/train-00000-of-00"},
        ),
        (["a/train.parquet", "b/train.parquet"], "b", {"train": "b/train.parquet"}),
        (["a/val.parquet", "b/x.parquet"], None, {"dev": "a/val.parquet"}),
    ],
)
def test_splits_are_known_by_the_names_of_files(files, subset, found):
    got = hub.splits_in(files, subset, Path("some/set"))
    assert got.keys() == found.keys()
    assert all(got[split][0].startswith(name) for split, name in found.items())


@pytest.mark.parametrize(
    ("files", "subset", "says"),
    [
        (
            ["train.csv"],
            None,
            "some/set: has no Parquet files named after splits; open it with `dat",
        ),
        (
            ["a/train.parquet", "b/train.parquet"],
            None,
            "has several subsets; say `subset:` in a sp",
        ),
        (
            ["aa/train.parquet", "b/train.parquet"],
            "a",
            "has no subset 'a'; say `subset:` in a spec",
        ),
    ],
)
def test_what_cannot_be_chosen_is_named(files, subset, says):
    with pytest.raises(InputError, match=says):
        hub.splits_in(files, subset, Path("some/set"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("hub: some/set\nfile: a.csv\n", "give either `hub` or files, not both"),
        ("file: a.csv\nsubset: x\n", "`revision` and `subset` go with `hub`"),
        ("hub: some/set\nsplit: 80/10/10\n", "`split` cuts one `file`"),
        ("hub: ../set/x\n", "is no owner/name of the hub"),
    ],
)
def test_specs_that_contradict_themselves(shop, tmp_path, text, says):
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(InputError, match=says):
        load_spec(tmp_path / "a.yaml")
