import json

import pytest

from attnaudit import __version__
from attnaudit.errors import InputError
from attnaudit.records.calibration import (
    DECIDING,
    Calibration,
    Row,
    deciding_code,
    dumps,
    read_calibration,
)
from attnaudit.records.schema import Platform


def row(plant="marker", verdict="holds", **changes):
    fields = {
        "plant": plant,
        "truth": "honest, needed",
        "finding": "necessary",
        "expected": "for",
        "found": {"for": 1},
        "right": 1,
        "seeds": 1,
        "share_low": 0.025,
        "share_high": 1.0,
        "verdict": verdict,
    }
    return Row(**{**fields, **changes})


def calibration(*table, **changes):
    fields = {
        "attnaudit": __version__,
        "code": "ab" * 32,
        "python": "3.11.2",
        "packages": {"torch": "2.13"},
        "platform": Platform(system="Linux", machine="x86_64"),
        "made": "2026-11-29T01:00:00Z",
        "quick": False,
        "first_seed": 1000,
        "seeds": 1,
        "seconds": {"marker": 36.5},
        "table": list(table) or [row()],
    }
    return Calibration(**{**fields, **changes})


def test_what_is_written_is_read_again(tmp_path):
    made = calibration(row(), row("decoy", "open"))
    path = tmp_path / "calibration.json"
    path.write_text(dumps(made))
    assert read_calibration(path) == made


def test_the_worst_row_decides_on_a_plant():
    made = calibration(
        row(), row(verdict="open"), row("decoy", "fails"), row("decoy"), row("shift")
    )
    assert made.verdicts == {"marker": "open", "decoy": "fails", "shift": "holds"}
    assert made.plants("holds") == ["shift"]
    assert made.plants("fails") == ["decoy"]


def test_it_knows_whether_this_tool_made_it():
    ours = deciding_code()
    assert calibration(code=ours).current
    assert not calibration(code=ours, attnaudit="0.0.1").current
    assert not calibration(code="0" * 64).current


def test_the_modules_that_decide_are_there():
    assert len(deciding_code()) == 64
    assert len(set(DECIDING)) == len(DECIDING)


def changed(**fields):
    return {**json.loads(dumps(calibration())), **fields}


def with_row(**fields):
    content = json.loads(dumps(calibration()))
    content["table"][0].update(fields)
    return content


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "is not valid JSON"),
        ("NaN", "is not valid JSON"),
        ([], "is not a calibration"),
        ({"schema_version": 1}, "is not a calibration"),
        (changed(schema_version=2), "has schema version 2"),
        (changed(table=[]), "at 'table'"),
        (changed(code="x"), "at 'code'"),
        (changed(made="yesterday"), "at 'made'"),
        (changed(seeds=0), "at 'seeds'"),
        (changed(more=1), "at 'more'"),
        (with_row(verdict="perhaps"), "at 'table.0.verdict'"),
        (with_row(seeds=2), "do not add up"),
        (with_row(right=2), "do not add up"),
        (with_row(share_high=1.5), "at 'table.0.share_high'"),
        (with_row(found={"for": -1}), "at 'table.0.found.for'"),
    ],
)
def test_another_file_is_one_clean_line(tmp_path, content, says):
    path = tmp_path / "c.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(InputError) as error:
        read_calibration(path)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_that_is_too_large_is_not_read(tmp_path):
    path = tmp_path / "c.json"
    path.write_bytes(b" " * (5 << 20))
    with pytest.raises(InputError, match="larger than 4 MiB"):
        read_calibration(path)
