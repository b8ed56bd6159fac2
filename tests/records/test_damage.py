"""Damage of every kind to files of records: refused with a line, or cut away and made again."""

from __future__ import annotations

import hashlib
import os
import random
from pathlib import Path
from typing import Any

import pytest

from attnaudit.errors import InputError, OutputError
from attnaudit.execution import files
from attnaudit.questions.recorded import Attended
from attnaudit.records.fields import LARGEST_ROW
from attnaudit.records.lines import LONGEST, content_of, line_of
from attnaudit.records.reading import RecordsFile, read_records
from attnaudit.records.schema import Header
from attnaudit.records.writing import RecordsWriter, stands
from tests.sealed import contents, sealed, version_1


def kind(record: Any) -> type[Attended]:
    return Attended


def kinds(audit: str) -> Any:
    return kind


ROWS: list[dict[str, Any]] = [
    {"row": row, "id": f"é{row}", "gold": 0, "predicted": 1, "probs": [0.25, 0.75], "words": 2}
    | {"outside": 0.0, "attention": [row / 8, 1 - row / 8]}
    for row in range(6)
]


@pytest.fixture
def small(header: Header) -> Header:
    """A header of these rows alone, with as few bytes as it can have."""
    dataset = header.dataset.model_copy(update={"instances": len(ROWS), "skipped": {}})
    manifest = header.manifest.model_copy(update={"packages": {}, "files": {}})
    changed = {"dataset": dataset, "manifest": manifest, "settings": {}}
    return header.model_copy(update=changed)


def whole(path: Path, header: Header) -> bytes:
    with RecordsWriter(path, header, kind=kind) as writer:
        writer.write(ROWS)
        writer.finish()
    return path.read_bytes()


def flips(content: bytes, step: int = 1) -> list[bytes]:
    """The content with one bit flipped, at every place in turn."""
    made = []
    for place in range(0, len(content), step):
        changed = bytearray(content)
        changed[place] ^= 1 << (place % 8)
        made.append(bytes(changed))
    return made


# All bytes take seconds; every seventh one meets each part of each kind of line.
@pytest.mark.parametrize("step", [7, pytest.param(1, marks=pytest.mark.whole)])
def test_every_byte_that_flips_is_found(tmp_path: Path, small: Header, step: int) -> None:
    path = tmp_path / "r.jsonl"
    content = whole(path, small)
    assert list(read_records(path, kinds)[1]) == ROWS
    for changed in flips(content, step):
        path.write_bytes(changed)
        with pytest.raises(InputError) as caught:
            list(read_records(path, kinds)[1])
        assert caught.value.line is not None
        assert stands(path, small) is None


def test_every_byte_that_is_lost_or_doubled_is_found(tmp_path: Path, small: Header) -> None:
    path = tmp_path / "r.jsonl"
    content = whole(path, small)
    for place in range(0, len(content), 9):
        for changed in (
            content[:place],
            content[:place] + content[place + 1 :],
            content[:place] + b"\0" + content[place:],
        ):
            path.write_bytes(changed)
            with pytest.raises(InputError):
                list(read_records(path, kinds)[1])


def test_every_line_that_is_lost_doubled_or_moved_is_found(tmp_path: Path, small: Header) -> None:
    path = tmp_path / "r.jsonl"
    lines = whole(path, small).splitlines(keepends=True)
    shuffles = random.Random(0)
    for k in range(len(lines)):
        other = lines.copy()
        while other == lines:
            shuffles.shuffle(other)
        changes = ([*lines[:k], *lines[k + 1 :]], [*lines[: k + 1], *lines[k:]], other)
        for changed in changes:
            path.write_bytes(b"".join(changed))
            with pytest.raises(InputError):
                list(read_records(path, kinds)[1])


def test_a_damaged_partial_file_is_cut_back_and_its_rest_made_again(
    tmp_path: Path, small: Header
) -> None:
    """Whatever byte flips: what is gone on from is sound, and the whole is as if nothing was."""
    path, partial = tmp_path / "r.jsonl", tmp_path / "r.jsonl.partial"
    expected = whole(path, small)
    path.unlink()
    with RecordsWriter(path, small, kind=kind) as writer:
        writer.write(ROWS[:4])
    content = partial.read_bytes()
    first = content.index(b"\n")
    for changed in flips(content, step=5):
        partial.write_bytes(changed)
        place = next(i for i, (a, b) in enumerate(zip(content, changed, strict=True)) if a != b)
        with RecordsWriter(path, small, True, kind) as writer:
            sound = 0 if place <= first else content[:place].count(b"\n") - 1
            assert writer.done == set(range(sound))
            # A line without an end is what every interruption leaves: no word about it.
            assert writer.remark or place in (first, len(content) - 1)
            writer.write(row for row in ROWS if row["row"] not in writer.done)
            writer.finish()
        assert path.read_bytes() == expected
        for file in tmp_path.iterdir():
            file.unlink()


def test_what_is_cut_away_is_said_and_kept(tmp_path: Path, small: Header) -> None:
    path, partial = tmp_path / "r.jsonl", tmp_path / "r.jsonl.partial"
    with RecordsWriter(path, small, kind=kind) as writer:
        writer.write(ROWS)
    before = partial.read_bytes().replace(b'"words":2', b'"words":3', 3)
    partial.write_bytes(before)
    with RecordsWriter(path, small, True, kind) as writer:
        assert writer.remark == (
            f"{partial}:2: is damaged, or was edited: its checksum does not match; the run "
            "continues from the 0 records before that line. The whole file is kept as "
            f"{partial}.old1"
        )
    assert (tmp_path / "r.jsonl.partial.old1").read_bytes() == before


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"probs": [5, -4]}, "probs[0]: expected `float` <= 1.00001"),
        ({"probs": [0.5, 0.75]}, "probs add up to 1.25, not to 1"),
        ({"predicted": 0}, "predicted is 0, and probs say otherwise"),
        ({"predicted": 2147483648}, "predicted: expected `int` <= 2147483647"),
        ({"predicted": 7}, "predicted is class 7 of 2"),
        ({"gold": 2}, "gold is class 2 of 2"),
        ({"gold": -1}, "gold: expected `int` >= 0"),
        ({"gold": 0.0}, "gold: expected `int`, got `float`"),
        ({"attention": [0.5, -0.5]}, "attention[1]: expected `float` >= 0.0"),
        ({"attention": [0.9, 0.9]}, "attention adds up to 1.8, more than 1"),
        ({"attention": [1.0]}, "attention has 1 numbers for 2 words"),
        ({"attention_signs": [1]}, "attention_signs has 1 numbers for 2 words"),
        ({"attention_signs": [1, 2]}, "attention_signs[1]: expected `int` <= 1"),
        ({"attention": [0.5, None]}, "attention[1]: expected `float`, got `null`"),
        ({"words": 0}, "words: expected `int` >= 1"),
        ({"outside": -1}, "outside: expected `float` >= -1e-05"),
        ({"id": 3}, "id: expected `str`, got `int`"),
        ({"more": 1}, "object contains unknown field `more`"),
        ({"run": "x"}, "object contains unknown field `run`"),
        ({"row": LARGEST_ROW + 1}, "row: expected `int` <= 67108863"),
    ],
)
def test_a_record_that_cannot_be_is_refused_though_its_checksums_fit(
    tmp_path: Path, small: Header, change: dict[str, Any], says: str
) -> None:
    path = tmp_path / "r.jsonl"
    for write in (sealed, version_1):
        rows = [*ROWS[:5], {**ROWS[5], **change}]
        path.write_bytes(write(small.model_dump(), rows))
        with pytest.raises(InputError) as caught:
            list(read_records(path, kinds)[1])
        assert str(caught.value) == f"{path}:7: is not a record of this kind: {says}"


def test_a_record_that_lacks_a_field_is_refused(tmp_path: Path, small: Header) -> None:
    path = tmp_path / "r.jsonl"
    for name in ROWS[0].keys() - {"row", "id"}:
        less = {key: value for key, value in ROWS[0].items() if key != name}
        path.write_bytes(sealed(small.model_dump(), [less, *ROWS[1:]]))
        with pytest.raises(InputError, match=rf":2: .*missing required field `{name}`"):
            list(read_records(path, kinds)[1])


def test_records_of_other_classes_or_texts_than_the_header_says(
    tmp_path: Path, small: Header
) -> None:
    path = tmp_path / "r.jsonl"
    model = {**small.model.model_dump(), "labels": ["a", "b", "c"]}
    path.write_bytes(sealed({**small.model_dump(), "model": model}, ROWS))
    with pytest.raises(InputError, match=":2: has 2 classes, but the header names 3"):
        list(read_records(path, kinds)[1])
    path.write_bytes(sealed(small.model_dump(), ROWS[:5]))
    with pytest.raises(InputError, match=":7: contains records of 5 texts, but its header says 6"):
        list(read_records(path, kinds)[1])
    path.write_bytes(sealed(small.model_dump(), [*ROWS[:5], {**ROWS[5], "id": "é0"}]))
    with pytest.raises(InputError, match=":7: is out of order: the id 'é0' occurs twice"):
        list(read_records(path, kinds)[1])
    runs = [{"run": {"seed": seed}, **row} for seed in (1, 2, 1) for row in ROWS[:2]]
    path.write_bytes(sealed(small.model_dump(), runs))
    with pytest.raises(
        InputError, match=r':6: is out of order: the run {"seed": 1} occurs again here'
    ):
        list(read_records(path)[1])


def test_a_model_that_answers_with_nonsense_is_found_before_it_is_recorded(
    tmp_path: Path, small: Header
) -> None:
    path = tmp_path / "r.jsonl"
    with (  # noqa: PT012
        pytest.raises(InputError) as caught,
        RecordsWriter(path, small, kind=kind) as writer,
    ):
        writer.write(ROWS[:2])
        writer.write([{**ROWS[2], "probs": [None, None]}])
    assert str(caught.value).startswith(
        "the record of the text 'é2' cannot be right: it is not a record of this kind: probs[0]:"
    )
    with RecordsWriter(path, small, True, kind) as writer:
        assert writer.done == {0, 1}


def test_records_of_version_1_are_read_and_known_to_lack_checksums(
    tmp_path: Path, small: Header
) -> None:
    path = tmp_path / "r.jsonl"
    path.write_bytes(version_1(small.model_dump(), ROWS))
    file = RecordsFile(path, kinds)
    assert list(file) == ROWS
    assert not file.sealed
    assert file.digest == hashlib.sha256(path.read_bytes()).hexdigest()
    assert stands(path, small) is None  # nobody can say that it is whole
    path.rename(tmp_path / "r.jsonl.partial")
    with RecordsWriter(path, small, True, kind) as writer:
        assert "an older attnaudit made them, without checksums" in str(writer.remark)
        assert writer.done == set()


def test_a_file_that_changes_after_it_was_read_is_not_looked_up(
    tmp_path: Path, small: Header
) -> None:
    path = tmp_path / "r.jsonl"
    content = whole(path, small)
    file, places = RecordsFile(path, kinds), []
    for _ in file:
        places.append(file.place)
    path.write_bytes(content.replace(b'"words":2', b'"words":3'))
    with pytest.raises(InputError, match="its checksum does not match"):
        list(file.at(places[2:3]))


def test_a_line_without_end_does_not_fill_the_memory(tmp_path: Path, small: Header) -> None:
    path = tmp_path / "r.jsonl"
    lines = whole(path, small).splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], b"[" * (LONGEST + 9), b"\n", *lines[2:]]))
    with pytest.raises(InputError, match=":3: is longer than the limit for a record"):
        list(read_records(path, kinds)[1])
    deep = line_of({**ROWS[0], "id": 0}).replace(b'"id":0', b'"id":' + b"[" * 9999 + b"]" * 9999)
    with pytest.raises(InputError, match="is not valid JSON"):
        content_of(deep, "r", 1, sealed=False)


# Other things in the place of files


@pytest.mark.parametrize("name", ["r.jsonl", "r.jsonl.partial"])
def test_links_and_pipes_are_no_place_for_records(tmp_path: Path, small: Header, name: str) -> None:
    (tmp_path / "precious").write_text("kept")
    (tmp_path / name).symlink_to(tmp_path / "precious")
    with pytest.raises(OutputError, match="is a link; remove it, or give the file itself"):
        RecordsWriter(tmp_path / "r.jsonl", small, resume=True)
    assert (tmp_path / "precious").read_text() == "kept"
    (tmp_path / name).unlink()
    os.mkfifo(tmp_path / name)
    with pytest.raises(OutputError, match="is a pipe or a device; name a file"):
        RecordsWriter(tmp_path / "r.jsonl", small, resume=True)


def test_records_are_not_read_from_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "r.jsonl")
    with pytest.raises(InputError, match="is a pipe, not a file"):
        read_records(tmp_path / "r.jsonl")


def test_a_disk_that_fails_at_the_end_loses_no_record(
    tmp_path: Path, small: Header, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "r.jsonl"

    def broken(descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(files.os, "fsync", broken)
        with (  # noqa: PT012
            pytest.raises(OutputError, match=r"r\.jsonl: cannot be written \(Input/output error\)"),
            RecordsWriter(path, small, kind=kind) as writer,
        ):
            writer.write(ROWS)
            writer.finish()
    assert [p.name for p in tmp_path.iterdir()] == ["r.jsonl.partial"]
    with RecordsWriter(path, small, True, kind) as writer:
        assert len(writer.done) == len(ROWS)
        writer.finish()
    assert [contents(path)[k]["id"] for k in (1, 6)] == ["é0", "é5"]
