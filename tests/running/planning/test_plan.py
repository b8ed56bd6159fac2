from __future__ import annotations

from attnaudit.running.planning.plan import Part, Passes, Span, Stage, WorkPlan, total


def test_passes_add_up():
    some = Passes(forward=3, backward=1, answers=5)
    assert some + some == some.times(2) == Passes(forward=6, backward=2, answers=10)
    assert some.times(0) == Passes()


def test_a_sum_is_known_and_exact_only_where_all_parts_are():
    some = Passes(forward=3, answers=5)
    assert (some + Passes(answers=None)).answers is None
    assert (Passes(answers=None) + some).answers is None
    assert Passes(answers=None).times(3).answers is None
    assert not (some + Passes(exact=False)).exact
    assert not Passes(exact=False).times(2).exact
    assert (some + some).exact


def test_spans_follow_each_other():
    some = Span(low=1, likely=2, high=4)
    assert total([some, some, some]) == some.times(3) == Span(low=3, likely=6, high=12)
    assert total([]) == Span()


def test_a_part_takes_as_long_as_its_stages_and_a_plan_is_json_that_can_be_read_back():
    stages = [Stage(name=n, seconds=Span(low=1, likely=2, high=3)) for n in ("records", "summary")]
    part = Part(
        name="permute", split="test", instances=2, batches=1, passes=Passes(), stages=tuple(stages)
    )
    assert part.seconds == Span(low=2, likely=4, high=6)
    plan = WorkPlan(
        command="permute",
        model="model.pt",
        dataset="data.yaml",
        device="cpu",
        threads=1,
        workers=1,
        parts=(part,),
        loading=Span(),
        seconds=part.seconds,
        memory_bytes=None,
    )
    assert WorkPlan.model_validate_json(plan.model_dump_json()) == plan
    assert all(field.description or name in SELF_EXPLAINING for name, field in FIELDS)


SELF_EXPLAINING = {"plan_version", "parts", "seconds"}
FIELDS = WorkPlan.model_fields.items()
