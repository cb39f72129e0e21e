"""SIGKILL before and after each task, while a reader polls: all-old or all-new, and one publication per run."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fivetier.domain.tables import RELEASE

from tests.support.cms import directory, entries, monthly, plans_of
from tests.support.pipeline import LOB, MONTHLY, Pipeline

pytestmark = pytest.mark.local_stack

FUNCTIONS = (
    "serve_api",
    "open_run",
    "discover_feeds",
    "normalize_feed",
    "resolve_hierarchy",
    "reconcile_candidate",
    "freeze_candidate",
    "settle_outbox",
    "send_mail",
    "publish_release",
    "close_run",
)
AFTER_SIGNATURES = ("publish_release", "close_run")
MA = "medicare_advantage"


class Reader:
    """Polls what readers see: the release, and how many rows of each table it has."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, tuple[int, ...]]] = []
        self._stop = threading.Event()

    def look(self) -> tuple[str, tuple[int, ...]]:
        from fivetier.aws.wiring import lake

        release = lake().current_release(MA)
        assert release is not None
        tables = lake().read_release(MA, release.release_id)
        return release.release_id, tuple(table.num_rows for _, table in sorted(tables.items()))

    @contextmanager
    def polling(self) -> Iterator[None]:
        def poll() -> None:
            while not self._stop.is_set():
                self.seen.append(self.look())
                time.sleep(0.2)

        thread = threading.Thread(target=poll)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()


def publications_of(run_id: str) -> tuple[int, int]:
    """How often the release row was set to the run, and how often the chain says that it was published."""
    from fivetier.app.chaining import settle
    from fivetier.aws.runtime import ports
    from fivetier.aws.wiring import audit, lake

    settle(MA, ports())
    table = lake()._load(RELEASE)  # type: ignore[attr-defined]
    snapshots = table.snapshots()
    rows = [s for s in snapshots if s.summary and s.summary.additional_properties.get("run_id") == run_id]
    events = [e for e in audit().read_from(MA, 0) if e.event.run_id == run_id and e.event.event_type == "published"]
    return len(rows), len(events)


def refresh(pipeline: Pipeline, month: str) -> str:
    """Start a refresh as a person does: an answer that got lost is asked for again."""
    for _ in range(3):
        answer = pipeline.command("refresh", *LOB, "--sub-version", month, "--wait", "--json")
        if answer.exit_code == 0:
            return str(answer.json["run_id"])
        assert "HTTP 50" in answer.err or "Runtime.ExitError" in answer.err, answer.err
    raise AssertionError("the API did not come back")


@pytest.fixture(scope="module")
def published(pipeline: Pipeline) -> None:
    rows = entries(12)
    pipeline.publish(pipeline.next_month(), directory(rows), (MONTHLY, monthly(plans_of(rows))))


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_killed_task_ends_in_one_publication(
    pipeline: Pipeline, published: None, function: str, when: str, request: pytest.FixtureRequest
) -> None:
    case = request.node.callspec.indices["function"] * 2 + request.node.callspec.indices["when"]
    rows = entries(13 + case)  # every case publishes other content than the one before
    month = pipeline.next_month()
    pipeline.land(month, directory(rows))
    pipeline.land(month, monthly(plans_of(rows)), MONTHLY)
    reader = Reader()
    old = reader.look()
    name = f"fivetier-local-{function.replace('_', '-')}"
    with reader.polling():
        if function not in AFTER_SIGNATURES:
            pipeline.deployed.stack.arm_fault(name, when)
        run_id = refresh(pipeline, month)
        if function in AFTER_SIGNATURES:
            pipeline.deployed.stack.arm_fault(name, when)
        pipeline.sign_both(run_id)
        ended = pipeline.ended(run_id)
    pipeline.deployed.stack.clear_faults()
    new = reader.look()
    assert ended["state"] == "PUBLISHED", ended
    assert new[0] == run_id
    assert set(reader.seen) <= {old, new}
    assert publications_of(run_id) == (1, 1)
    assert pipeline.command("audit", "verify").exit_code == 0
    _note(function, when, reader)


def _note(function: str, when: str, reader: Reader) -> None:
    """One line per case in `reports/sigkill.csv`, for whoever wants the table."""
    report = Path(__file__).parents[2] / "reports" / "sigkill.csv"
    report.parent.mkdir(exist_ok=True)
    with report.open("a", encoding="utf-8") as out:
        out.write(f"{function},{when},{len(reader.seen)} looks,all-old or all-new,1 publication\n")
