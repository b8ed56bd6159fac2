from __future__ import annotations

import json
from typing import Any

import jsonschema
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnaudit.errors import InputError
from attnaudit.records.schema import ModelFacts
from attnaudit.report.schema import Metric, Report, TableData, dumps, json_schema, loads


def refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is not JSON")


def test_round_trip(report: Report) -> None:
    text = dumps(report)
    assert loads(text, "report.json") == report
    assert dumps(loads(text, "report.json")) == text
    assert text.endswith("}\n")


def test_the_order_of_keys(report: Report) -> None:
    assert list(json.loads(dumps(report))) == [
        "schema_version",
        "audit",
        "warnings",
        "model",
        "dataset",
        "settings",
        "metrics",
        "tables",
        "findings",
        "meaning",
        "gates",
        "notes",
        "lock",
        "manifest",
    ]


def test_a_report_keeps_its_schema(report: Report) -> None:
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(json.loads(dumps(report)))


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("schema_version",), 3),
        (("findings", "necessary", "status"), "certified"),
        (("findings", "pretty"), {"status": "for", "reason": ""}),
        (("gates", 0, "status"), "passed"),
        (("metrics", "model.accuracy", "value"), "0.8"),
        (("metrics", "model.accuracy", "extra"), 1),
        (("manifest", "threads"), 0),
        (("tables", "agreement", "rows", 0, 1), True),
    ],
)
def test_schema_and_reader_refuse_the_same(
    report: Report, place: tuple[str | int, ...], value: object
) -> None:
    content = json.loads(dumps(report))
    inner: Any = content
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    assert list(jsonschema.Draft202012Validator(json_schema()).iter_errors(content))
    with pytest.raises(InputError, match=r"^report\.json: "):
        loads(json.dumps(content), "report.json")


def test_every_field_is_described() -> None:
    schema = json_schema()
    objects = {"Report": schema, **schema["$defs"]}
    fields = [
        (name, field, entry)
        for name, definition in objects.items()
        for field, entry in definition.get("properties", {}).items()
    ]
    assert len(fields) > 50
    for name, field, entry in fields:
        assert entry.get("description"), f"{name}.{field}"


@given(st.floats(), st.floats() | st.none())
def test_nan_and_infinity_never_reach_json(value: float, low: float | None) -> None:
    try:
        metric = Metric(
            value=value,
            ci_low=low,
            ci_high=None,
            n=1,
            undefined=0,
            reason=None,
            direction="higher",
            unit="fraction",
        )
    except pydantic.ValidationError:
        assert any(x is not None and (x != x or abs(x) == float("inf")) for x in (value, low))
        return
    read = json.loads(metric.model_dump_json(), parse_constant=refuse)
    assert (read["value"], read["ci_low"]) == (value, low)


@given(st.recursive(st.floats(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_nan_in_open_fields_never_reaches_json(value: Any) -> None:
    report = Report.model_construct(settings={"x": value}, model=ModelFacts(name="m"))
    try:
        text = dumps(report)
    except ValueError:
        assert "nan" in str(value) or "inf" in str(value)
        return
    assert json.loads(text, parse_constant=refuse)["settings"] == {"x": value}


@given(
    st.lists(
        st.integers()
        | st.none()
        | st.text()
        | st.floats(allow_nan=False, allow_infinity=False).filter(lambda x: x != 0)
    )
)
def test_table_cells_keep_value_and_type(cells: list[str | int | float | None]) -> None:
    table = TableData(title="t", columns=["c"] * len(cells), rows=[cells], notes=[])
    read = TableData.model_validate(json.loads(json.dumps(table.model_dump())))
    assert [(type(c), c) for c in read.rows[0]] == [(type(c), c) for c in cells]


def test_a_table_is_rectangular() -> None:
    with pytest.raises(pydantic.ValidationError, match="does not have 2 cells"):
        TableData(title="t", columns=["a", "b"], rows=[["x"]], notes=[])


def test_half_characters_survive(report: Report) -> None:
    odd = report.model_copy(update={"notes": ["caf\udce9 \U0001f600 é"]})
    text = dumps(odd)
    assert b"\\udce9" in text.encode()
    assert "😀 é" in text
    assert loads(text, "r").notes == odd.notes


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"r\.json:1: is not valid JSON"),
        ('{\n"a": }', r"r\.json:2: is not valid JSON"),
        ('{"a": NaN}', r"r\.json: is not valid JSON \(NaN is not a JSON number\)"),
        ("[" * 100_000, r"r\.json: is not valid JSON"),
        ("[1]", r"r\.json: is not an attnaudit report"),
        ("{}", r"r\.json: is not an attnaudit report"),
        (
            '{"schema_version": 3}',
            r"r\.json: has schema version 3, but this .* reads 1 and 2",
        ),
        ('{"schema_version": 1}', r"r\.json: does not follow the schema at 'audit'"),
    ],
)
def test_what_is_no_report(text: str, message: str) -> None:
    with pytest.raises(InputError, match=f"^{message}"):
        loads(text, "r.json")
