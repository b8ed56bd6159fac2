from __future__ import annotations

import hashlib
import math
import resource
import struct
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from attnaudit.errors import InputError, OutputError
from attnaudit.records.lines import content_of, line_of
from attnaudit.records.reading import RecordsFile, read_records
from attnaudit.records.rounding import compact
from attnaudit.records.schema import Header, Manifest
from attnaudit.records.writing import RecordsWriter, stands
from tests.sealed import contents

ROWS = [
    {"row": row, "id": f"é{row}", "attention": compact([row / 7, 1.0, float("nan")])}
    for row in range(7)
]


def whole_file(path: Path, header: Header) -> bytes:
    with RecordsWriter(path, header) as writer:
        writer.write(ROWS)
        writer.finish()
    return path.read_bytes()


def test_the_file_is_sorted_between_header_and_count(tmp_path: Path, header: Header) -> None:
    path = tmp_path / "r.jsonl"
    with RecordsWriter(path, header) as writer:
        for batch in (ROWS[4:], ROWS[2:4], [], ROWS[:2]):
            writer.write(batch)
        assert not path.exists()
        assert list(writer.records()) == ROWS
        writer.finish()
        assert list(writer.records()) == ROWS
    assert list(tmp_path.iterdir()) == [path]
    first, *middle, last = contents(path)
    assert first["kind"] == "attnaudit-records"
    assert first["schema_version"] == 2
    assert middle == ROWS
    before = b"".join(path.read_bytes().splitlines(keepends=True)[:-1])
    assert last == {"count": 7, "sha256": hashlib.sha256(before).hexdigest()}
    found, records = read_records(path)
    assert found == header
    assert list(records) == ROWS
    assert path.read_bytes() == whole_file(tmp_path / "sorted.jsonl", header)


def test_runs_stand_apart_and_keep_their_order(tmp_path: Path, header: Header) -> None:
    path = tmp_path / "r.jsonl"
    first, second = {"seed": 9, "split": "dev"}, {"split": "dev", "seed": 1}
    runs = {
        "first": [{"run": first, **r} for r in ROWS],
        "second": [{"run": second, **r} for r in ROWS],
    }
    with RecordsWriter(path, header) as writer:
        writer.write(runs["first"][3:])
        writer.write(runs["second"][:2])
        with pytest.raises(ValueError, match="row 1 already has a record"):
            writer.write(runs["second"][1:2])
    with RecordsWriter(path, header, resume=True) as writer:
        assert writer.done == set()
        assert writer.done_in(dict(reversed(first.items()))) == {3, 4, 5, 6}
        assert writer.done_in(second) == {0, 1}
        writer.write(runs["second"][2:])
        writer.write(runs["first"][:3])
        writer.finish()
    assert list(read_records(path)[1]) == runs["first"] + runs["second"]


def test_runs_stand_in_the_order_in_which_they_were_asked_for(
    tmp_path: Path, header: Header
) -> None:
    path = tmp_path / "r.jsonl"
    runs = [{"seed": seed} for seed in (2, 0, 1)]
    with RecordsWriter(path, header) as writer:  # workers end in any order
        writer.write([{"run": runs[2], **ROWS[0]}])
    with RecordsWriter(path, header, resume=True) as writer:
        for run in runs:
            writer.done_in(run)
        for run in runs[1::-1]:
            writer.write([{"run": run, **ROWS[0]}])
        assert [r["run"] for r in writer.records()] == runs
        writer.finish()
    assert [r["run"] for r in read_records(path)[1]] == runs


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_interrupted_run_goes_on(
    tmp_path: Path, header: Header, error: type[BaseException]
) -> None:
    path = tmp_path / "r.jsonl"
    with pytest.raises(error), RecordsWriter(path, header) as writer:  # noqa: PT012
        writer.write([ROWS[5], ROWS[1]])
        raise error
    assert [p.name for p in tmp_path.iterdir()] == ["r.jsonl.partial"]
    with RecordsWriter(path, header, resume=True) as writer:
        assert writer.done == {1, 5}
        writer.write(row for row in ROWS if row["row"] not in writer.done)
        writer.finish()
    assert path.read_bytes() == whole_file(tmp_path / "whole.jsonl", header)
    assert not (tmp_path / "r.jsonl.partial").exists()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(cut=st.floats(0, 1), order=st.permutations(ROWS))
def test_a_run_torn_at_any_byte_goes_on(
    tmp_path: Path, header: Header, cut: float, order: list[dict[str, Any]]
) -> None:
    path, partial = tmp_path / "r.jsonl", tmp_path / "r.jsonl.partial"
    with RecordsWriter(path, header) as writer:
        writer.write(order[:5])
    content = partial.read_bytes()
    torn = content[: round(cut * len(content))]
    partial.write_bytes(torn)
    with RecordsWriter(path, header, resume=True) as writer:
        whole_lines = max(0, torn.count(b"\n") - 1)  # less the header
        assert writer.done == {record["row"] for record in order[:whole_lines]}
        writer.write([row for row in order if row["row"] not in writer.done][:1])
    with RecordsWriter(path, header, resume=True) as writer:  # interrupted once more
        assert len(writer.done) == whole_lines + 1
        writer.write(row for row in order if row["row"] not in writer.done)
        writer.finish()
    assert path.read_bytes() == whole_file(tmp_path / "whole.jsonl", header)


def interrupted(path: Path, header: Header) -> bytes:
    """Leave a partial file with all records in it."""
    with RecordsWriter(path, header) as writer:
        writer.write(ROWS)
    return path.with_name(path.name + ".partial").read_bytes()


def test_without_resume_what_an_interrupted_run_left_is_set_aside(
    tmp_path: Path, header: Header
) -> None:
    path, old = tmp_path / "r.jsonl", tmp_path / "r.jsonl.partial.old1"
    before = interrupted(path, header)
    with RecordsWriter(path, header) as writer:
        assert writer.done == set()
        assert list(writer.records()) == []
        assert writer.remark == (
            f"records of an interrupted run are set aside as {old}: --resume would have "
            "continued from them"
        )
        writer.write(ROWS[:1])
    assert old.read_bytes() == before


def test_a_partial_file_without_records_is_not_worth_keeping(
    tmp_path: Path, header: Header
) -> None:
    path = tmp_path / "r.jsonl"
    RecordsWriter(path, header).__exit__(None, None, None)
    with RecordsWriter(path, header) as writer:
        assert writer.remark is None
    assert [p.name for p in tmp_path.iterdir()] == ["r.jsonl.partial"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"audit": "permute"}, 'its audit is "correlate", but this run\'s is "permute"'),
        (
            {"settings": {"seed": 1, "importances": []}},
            "its settings.seed is 0, but this run's is 1",
        ),
        ({"settings": {"seed": 0}}, "its settings.importances is"),
        ({"conditions": {"threads": 2}}, "its conditions.threads is null, but this run's is 2"),
    ],
)
def test_a_partial_file_of_another_run_is_set_aside(
    tmp_path: Path, header: Header, change: dict[str, Any], message: str
) -> None:
    path = tmp_path / "r.jsonl"
    before = interrupted(path, header)
    with RecordsWriter(path, header.model_copy(update=change), resume=True) as writer:
        assert writer.done == set()
        assert message in str(writer.remark)
    assert (tmp_path / "r.jsonl.partial.old1").read_bytes() == before
    again = interrupted(path, header)  # sets aside what was made under the change, if anything
    with RecordsWriter(path, header.model_copy(update=change), resume=True) as writer:
        assert f"set aside as {path}.partial.old2" in str(writer.remark)
    assert (tmp_path / "r.jsonl.partial.old1").read_bytes() == before
    assert (tmp_path / "r.jsonl.partial.old2").read_bytes() == again


@pytest.mark.parametrize("part", ["model", "dataset"])
def test_another_model_or_data_set_is_another_run(
    tmp_path: Path, header: Header, part: str
) -> None:
    path = tmp_path / "r.jsonl"
    interrupted(path, header)
    facts = getattr(header, part).model_copy(update={"sha256": "00" * 32})
    with RecordsWriter(path, header.model_copy(update={part: facts}), resume=True) as writer:
        assert f"its {part}.sha256 is" in str(writer.remark)


def test_the_digest_tells_contents_apart_and_not_names(header: Header) -> None:
    def changed(part: str, **change: Any) -> str:
        facts = getattr(header, part).model_copy(update=change)
        return header.model_copy(update={part: facts}).digest

    assert changed("model", name="elsewhere/model.pt") == header.digest
    assert changed("dataset", name="elsewhere.jsonl") == header.digest
    assert changed("manifest", started="2027-01-01T00:00:00Z") == header.digest
    assert changed("model", sha256="00" * 32) != header.digest
    assert changed("dataset", sha256="00" * 32) != header.digest
    assert header.model_copy(update={"conditions": {"code": "x"}}).digest != header.digest


@pytest.mark.skipif("fcntl" not in sys.modules, reason="needs locks of files")
def test_two_runs_do_not_write_into_one_file(tmp_path: Path, header: Header) -> None:
    path = tmp_path / "r.jsonl"
    with RecordsWriter(path, header) as writer:
        writer.write(ROWS[:3])
        with pytest.raises(InputError, match="another run is writing it at this moment"):
            RecordsWriter(path, header, resume=True)
        writer.write(ROWS[3:])
        writer.finish()
    assert list(read_records(path)[1]) == ROWS


def test_another_manifest_is_no_other_run(
    tmp_path: Path, header: Header, manifest: Manifest
) -> None:
    path = tmp_path / "r.jsonl"
    with RecordsWriter(path, header) as writer:
        writer.write(ROWS[:3])
    later = manifest.model_copy(update={"started": "2026-01-03T00:00:00Z", "finished": None})
    changed = header.model_copy(update={"manifest": later})
    with RecordsWriter(path, changed, resume=True) as writer:
        assert writer.done == {0, 1, 2}
        writer.finish(later.model_copy(update={"finished": "2026-01-04T00:00:00Z"}))
    found = read_records(path)[0].manifest
    assert (found.started, found.finished) == ("2026-01-03T00:00:00Z", "2026-01-04T00:00:00Z")


@pytest.mark.parametrize(
    "damage", [b'{"row": \n', b"\0\0\0\0\n", b"\xff\n", b'{"id": "x"}\n', "twice"]
)
def test_of_a_damaged_partial_file_the_part_before_is_kept(
    tmp_path: Path, header: Header, damage: bytes | str
) -> None:
    path, partial = tmp_path / "r.jsonl", tmp_path / "r.jsonl.partial"
    lines = interrupted(path, header).splitlines(keepends=True)
    torn = lines[1] if isinstance(damage, str) else damage
    partial.write_bytes(b"".join([*lines[:3], torn, *lines[4:]]))
    before = partial.read_bytes()
    with RecordsWriter(path, header, resume=True) as writer:
        assert writer.done == {0, 1}
        assert f"{partial}:4: " in str(writer.remark)
        writer.write(ROWS[2:])
        writer.finish()
    assert list(read_records(path)[1]) == ROWS
    assert (tmp_path / "r.jsonl.partial.old1").read_bytes() == before


def test_a_partial_file_of_something_else_is_set_aside(tmp_path: Path, header: Header) -> None:
    (tmp_path / "r.jsonl.partial").write_bytes(b"notes\nof mine\n")
    with RecordsWriter(tmp_path / "r.jsonl", header, resume=True) as writer:
        assert "is not valid JSON" in str(writer.remark)
    assert (tmp_path / "r.jsonl.partial.old1").read_bytes() == b"notes\nof mine\n"


def test_a_full_disk_ends_in_one_error_and_loses_no_whole_record(
    tmp_path: Path, header: Header
) -> None:
    path = tmp_path / "r.jsonl"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        with (  # noqa: PT012
            pytest.raises(OutputError, match="partial: cannot be written"),
            RecordsWriter(path, header) as writer,
        ):
            writer.write(ROWS[:3])
            room = (tmp_path / "r.jsonl.partial").stat().st_size + 20
            resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
            writer.write(ROWS[3:])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    with RecordsWriter(path, header, resume=True) as writer:
        assert writer.done >= {0, 1, 2}
        writer.write(row for row in ROWS if row["row"] not in writer.done)
        writer.finish()
    assert path.read_bytes() == whole_file(tmp_path / "whole.jsonl", header)


def test_resume_without_a_partial_file_starts_afresh(tmp_path: Path, header: Header) -> None:
    with RecordsWriter(tmp_path / "r.jsonl", header, resume=True) as writer:
        assert writer.done == set()


def test_without_a_path_records_are_spooled(header: Header) -> None:
    with RecordsWriter(None, header) as writer:
        writer.write(reversed(ROWS))
        writer.finish()
        assert list(writer.records()) == ROWS


def test_a_row_has_one_record(header: Header) -> None:
    with RecordsWriter(None, header) as writer:
        writer.write(ROWS)
        with pytest.raises(ValueError, match="row 3 already has a record"):
            writer.write([ROWS[3]])


def test_nan_is_refused_and_leaves_no_torn_line(header: Header) -> None:
    with RecordsWriter(None, header) as writer:
        with pytest.raises(InputError, match="the text 'x' cannot be right: it contains a number"):
            writer.write([ROWS[0], {"row": 1, "id": "x", "tau": math.nan}])
        assert list(writer.records()) == ROWS[:1]


@pytest.mark.parametrize("name", ["missing/r.jsonl", "."])
def test_an_unwritable_place_is_told_at_once(tmp_path: Path, header: Header, name: str) -> None:
    with pytest.raises(OutputError):
        RecordsWriter(tmp_path / name, header)
    assert list(tmp_path.iterdir()) == []


def test_the_partial_file_cannot_be_opened(tmp_path: Path, header: Header) -> None:
    (tmp_path / "r.jsonl.partial").mkdir()
    with pytest.raises(OutputError, match=r"r\.jsonl\.partial: cannot be written"):
        RecordsWriter(tmp_path / "r.jsonl", header)


def test_half_characters_survive(tmp_path: Path, header: Header) -> None:
    path = tmp_path / "r.jsonl"
    record = {"row": 0, "id": "\ud83d \U0001f600"}
    with RecordsWriter(path, header) as writer:
        writer.write([record])
        writer.finish()
    assert list(read_records(path)[1]) == [record]


def sealed_bytes(body: bytes) -> bytes:
    """A line of any bytes with a checksum that fits."""
    return body + b',"crc":"%08x"}\n' % zlib.crc32(body)


def contents_of(line: bytes) -> dict[str, Any]:
    return content_of(line, "", 1)


def broken(content: bytes, how: str) -> bytes:
    lines = content.splitlines(keepends=True)
    return {
        "no footer": b"".join(lines[:-1]),
        "torn footer": content[:-3],
        "lost record": b"".join([*lines[:3], *lines[4:]]),
        "early footer": b"".join([*lines[:3], lines[-1], *lines[3:]]),
        "torn record": b"".join([*lines[:3], lines[3][:9] + b"\n", *lines[4:]]),
        "no row": b"".join([*lines[:3], line_of({"id": "x"}), *lines[4:]]),
        "not an object": b"".join([*lines[:3], sealed_bytes(b"3 "), *lines[4:]]),
        "not text": b"".join([*lines[:3], sealed_bytes(b'{"id":"\xff"'), *lines[4:]]),
        "not JSON": b"".join([*lines[:3], sealed_bytes(b'{"id":'), *lines[4:]]),
        "swapped": b"".join([*lines[:3], lines[4], lines[3], *lines[5:]]),
        "doubled": b"".join([*lines[:3], lines[2], *lines[3:]]),
        "goes on": content + lines[-1],
        "zeros": b"".join([*lines[:3], b"\0" * len(lines[3]), *lines[4:]]),
        "edited": content.replace(b'"row":3', b'"row":9'),
        "edited without the digest": b"".join(
            [*lines[:3], line_of({**ROWS[2], "id": "a"}), *lines[4:]]
        ),
        "no header": b"".join(lines[1:]),
        "empty": b"",
        "newer": content.replace(b'"schema_version":2', b'"schema_version":9', 1),
        "other header": b"".join(
            [line_of({k: v for k, v in contents_of(lines[0]).items() if k != "audit"}), *lines[1:]]
        ),
        "edited header": content.replace(b'"audit"', b'"adit"', 1),
        "older by its header": content.replace(b'"schema_version":2', b'"schema_version":1', 1),
    }[how]


@pytest.mark.parametrize(
    ("how", "message"),
    [
        (
            "no footer",
            ":8: is not complete: its last line does not hold the number of records; run the audit",
        ),
        ("torn footer", ":8: is not complete"),
        ("lost record", ":8: contains 6 records, but its last line says 7"),
        ("early footer", ":4: contains 2 records, but its last line says 7"),
        ("torn record", ":4: lacks its checksum; restore the file from a copy"),
        ("not JSON", ":4: is not valid JSON"),
        ("swapped", ":5: is out of order: row 2 comes after row 3"),
        ("doubled", ":4: is out of order: row 1 comes after row 1"),
        ("goes on", ":9: continues after the line that counts its records"),
        ("zeros", ":4: is damaged, or was edited"),
        ("edited", ":5: is damaged, or was edited: its checksum does not match"),
        (
            "edited without the digest",
            ":9: is damaged, or was edited: its last line contains the SHA-256 of other lines",
        ),
        ("edited header", ":1: is damaged, or was edited"),
        ("older by its header", ":1: does not follow the schema at 'crc'"),
        ("no row", ":4: is not a record: it lacks 'row' or 'id'"),
        ("not an object", ":4: is not valid JSON"),
        ("not text", ":4: is not UTF-8 text"),
        ("no header", ":1: is not a file of attnaudit records; give the file written by"),
        ("empty", ":1: is not valid JSON"),
        ("newer", ":1: has schema version 9"),
        ("other header", ":1: does not follow the schema at 'audit'"),
    ],
)
def test_torn_and_foreign_files(tmp_path: Path, header: Header, how: str, message: str) -> None:
    path = tmp_path / "r.jsonl"
    path.write_bytes(broken(whole_file(path, header), how))
    with pytest.raises(InputError) as caught:
        list(read_records(path)[1])
    assert str(caught.value).startswith(f"{path}{message}")


def test_missing_files_and_folders(tmp_path: Path) -> None:
    for path, says in ((tmp_path, "is a folder, not a file"), (tmp_path / "none", "no such file")):
        with pytest.raises(InputError, match=says):
            read_records(path)


def test_a_file_without_records(tmp_path: Path, header: Header) -> None:
    path = tmp_path / "r.jsonl"
    with RecordsWriter(path, header) as writer:
        writer.finish()
    assert list(read_records(path)[1]) == []


float32 = st.floats(width=32, allow_nan=False, allow_infinity=False)


@given(float32, float32)
def test_compact_keeps_order_and_ties(a: float, b: float) -> None:
    x, y = compact([a, b])
    assert x is not None
    assert y is not None
    assert (x < y, x == y) == (a < b, a == b)
    assert struct.pack("f", x) == struct.pack("f", a)


def test_compact_shortens_neighbours_without_joining_them() -> None:
    one = np.float32(0.1)
    values = np.array([one, np.nextafter(one, np.float32(1)), np.nan], dtype=np.float32)
    assert compact(values) == [0.100000001, 0.100000009, None]
    assert compact([]) == []


# What an earlier run has left


def unfinished(path: Path, header: Header, rows: int = 3) -> Path:
    with RecordsWriter(path, header) as writer:
        writer.write(ROWS[:rows])
    return path.with_name(path.name + ".partial")


def of_settings(header: Header, **settings: Any) -> Header:
    return header.model_copy(update={"settings": {**header.settings, **settings}})


def test_what_stands_is_whole_partial_or_of_no_use(tmp_path: Path, header: Header) -> None:
    path = tmp_path / "r.jsonl"
    assert stands(path, header) is None
    unfinished(path, header)
    assert stands(path, header) == "partial"
    assert stands(path, of_settings(header, seed=1)) is None
    whole_file(path, header)
    assert stands(path, header) == "whole"
    assert stands(path, of_settings(header, seed=1)) is None


def test_when_and_how_a_run_was_started_makes_no_other_run(tmp_path: Path, header: Header) -> None:
    path = tmp_path / "r.jsonl"
    whole_file(path, header)
    again = header.manifest.model_copy(update={"started": "later", "command_line": ["other"]})
    assert stands(path, header.model_copy(update={"manifest": again})) == "whole"
    for key, changed in (("model", header.model), ("dataset", header.dataset)):
        other = changed.model_copy(update={"sha256": "12" * 32})
        assert stands(path, header.model_copy(update={key: other})) is None
    assert stands(path, header.model_copy(update={"audit": "permute"})) is None


def test_an_unfinished_run_prevails_over_the_whole_one_of_another(
    tmp_path: Path, header: Header
) -> None:
    path, new = tmp_path / "r.jsonl", of_settings(header, seed=1)
    whole_file(path, header)
    unfinished(path, new)
    assert stands(path, new) == "partial"
    assert stands(path, header) == "whole"


@pytest.mark.parametrize("how", ["no footer", "torn footer", "no header", "empty", "newer"])
def test_damaged_files_are_of_no_use(tmp_path: Path, header: Header, how: str) -> None:
    path = tmp_path / "r.jsonl"
    path.write_bytes(broken(whole_file(path, header), how))
    assert stands(path, header) is None
    unfinished(path, header)
    assert stands(path, header) == "partial"  # a damaged file is no obstacle to it
    path.with_name("r.jsonl.partial").write_bytes(b"\xff\n")
    assert stands(path, header) is None


def test_a_mistake_before_the_first_record_leaves_nothing(tmp_path: Path, header: Header) -> None:
    path = tmp_path / "r.jsonl"
    with pytest.raises(InputError), RecordsWriter(path, header):
        raise InputError("another model's guide")
    assert list(tmp_path.iterdir()) == []
    unfinished(path, header)
    with pytest.raises(InputError), RecordsWriter(path, header, resume=True):
        raise InputError("a mistake")
    assert stands(path, header) == "partial"  # what is there already is not lost


def test_records_are_found_again_where_they_stand(tmp_path: Path, header: Header) -> None:
    path = tmp_path / "r.jsonl"
    with RecordsWriter(path, header) as writer:
        writer.write(ROWS[3:])
        writer.write(ROWS[:3])
        places = []
        for record in writer.records():
            places.append((writer.place, record))
        assert list(writer.at([places[5][0], places[0][0]])) == [ROWS[5], ROWS[0]]
        writer.finish()
        assert list(writer.at([places[5][0], places[0][0]])) == [ROWS[5], ROWS[0]]
    file, found = RecordsFile(path), {}
    for record in file:
        found[record["row"]] = file.place
    assert list(file.at([found[6], found[1]])) == [ROWS[6], ROWS[1]]
    assert file.digest == writer.digest == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_temporary_file_is_read_again_too(header: Header) -> None:
    with RecordsWriter(None, header) as writer:
        writer.write(reversed(ROWS))
        writer.finish()
        assert list(writer.at([6, 0])) == [ROWS[6], ROWS[0]]
        assert writer.digest is None
