"""What an audit of an existing model would do, and its time and memory."""

from __future__ import annotations

from time import perf_counter, process_time

from attnaudit.execution.engines import open_engine
from attnaudit.execution.observer import Observer
from attnaudit.report.demands import Demands
from attnaudit.report.lock import Planned
from attnaudit.running.existing import Existing, begin
from attnaudit.running.locking import planned_model
from attnaudit.running.planning.dry_suite import plan_asking
from attnaudit.running.planning.forecast import Memory, whole
from attnaudit.running.planning.plan import WorkPlan


def plan_existing(
    asked: Existing, demands: Demands | None, observer: Observer
) -> tuple[WorkPlan, Planned]:
    """What `run_existing` would do, and what of it can be locked; raises what it would raise."""
    begun, start_up = perf_counter(), process_time()
    job = asked.job
    with open_engine(job.workers, job.cluster, observer) as engine:
        subject = asked.subject()
        asked, first = begin(asked, subject, demands, observer)
        loading = perf_counter() - begun
        memory = Memory(first.device)
        memory.look()
        planned = plan_asking(
            asked.plan,
            subject,
            lambda question, settings: subject.work(question, settings, observer),
            loading,
            memory,
            engine,
            there=True,
        )
        begin_ = start_up + loading
        plan = whole(
            "audit", job, first.device, planned.parts, begin_, memory, engine.size, planned.check
        )
    return plan, planned_model(first, asked.plan, demands)
