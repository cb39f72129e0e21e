"""Drives the use cases in the order of the state machine, on fakes: a run in a few lines."""

from datetime import datetime, timedelta
from typing import Any

from fivetier.app import chaining, freezing, normalizing, publishing, refresh, rolling_back, signing, starting
from fivetier.app.contracts import (
    CloseRequest,
    LeasedRequest,
    NormalizeRequest,
    PublishRequest,
    RollbackRequest,
    RunRequest,
    RunStatus,
    SignOffReceipt,
    SignOffRequest,
    StartRequest,
)
from fivetier.domain.runs import RunState
from fivetier.domain.signoff import Person
from fivetier.domain.tiers import Lob

from tests.fakes.world import World

MA = Lob.MEDICARE_ADVANTAGE
DIRECTORY, MONTHLY, AEQUALIS = "cms_ma_contract_directory", "cms_monthly_report_by_plan", "aequalis"
WEEK = 7 * 24 * 3600


def person(login: str, *roles: str) -> Person:
    """Somebody who holds these roles, by default the one named like the login."""
    return Person(login, frozenset(roles or (login,)))


class Rehearsal:
    """A world with shortcuts for what people and the state machine do, in one line of business."""

    def __init__(self, lob: Lob = MA, source: str = DIRECTORY) -> None:
        self.lob, self.source = lob, source
        self.world = World()
        self.world.clock.tick = timedelta(milliseconds=1)

    def land(self, month: str, data: bytes, source: str | None = None) -> None:
        source = source or self.source
        self.world.landing.land(self.lob, source, month, f"{source}_{month}.csv", data)
        self.world.clock.advance(seconds=1)

    def start(self, month: str, *, by: str = "data_ops_reviewer", reason: str = "", **options: Any) -> RunStatus:
        return starting.start_refresh(
            StartRequest(lob=self.lob, sub_version=month, requested_by=by, reason=reason, **options), self.world
        )

    def roll_back(self, to: str, *, by: str = "data_ops_reviewer", reason: str = "it names wrong parents") -> RunStatus:
        request = RollbackRequest(lob=self.lob, to=to, requested_by=by, reason=reason)
        return rolling_back.start_rollback(request, self.world)

    def to_sign_off(self, run_id: str) -> str:
        """OpenRun to RequestSignOff; returns the digest, or NO_CHANGE's empty one."""
        run = RunRequest(run_id=run_id, lob=self.lob)
        leased = LeasedRequest(run_id=run_id, lob=self.lob, fence=refresh.open_run(run, self.world).fence)
        found = refresh.discover_feeds(leased, self.world)
        if found.is_unchanged:
            self.close(run_id, RunState.NO_CHANGE)
            return ""
        for source in found.objects:
            normalizing.normalize_feed(NormalizeRequest(**leased.model_dump(), source=source), self.world)
        refresh.resolve_hierarchy(leased, self.world)
        refresh.reconcile_candidate(leased, self.world)
        ask = freezing.freeze_candidate(leased, self.world, sign_off_seconds=WEEK)
        self.ask(run_id, ask.manifest_digest, ask.expires_at, ask.requested_by)
        return ask.manifest_digest

    def ask(self, run_id: str, digest: str, expires_at: str, requested_by: str) -> None:
        """What the wait state writes."""
        self.world.runs.ask(
            run_id,
            token=f"token-{run_id}",
            manifest_digest=digest,
            expires_at=datetime.fromisoformat(expires_at),
            requested_by=requested_by,
        )
        self.world.executions.wait(run_id, f"token-{run_id}")

    def sign(self, run_id: str, role: str, decision: str = "approve", **changes: Any) -> SignOffReceipt:
        report = signing.view_report(run_id, self.world)
        ticks = {f["code"]: "looked at it" for f in report["findings"] if f["severity"] == "P1"}
        body: dict[str, Any] = {
            "role": role,
            "decision": decision,
            "reason": "looked at the report",
            "manifest_digest": report["manifest_digest"],
            "ticks": ticks,
        }
        who = changes.pop("who", person(role))
        round_number = changes.pop("round_number", report["round_number"])
        receipt = signing.sign_off(run_id, round_number, SignOffRequest(**(body | changes)), who, self.world)
        self.settle()
        return receipt

    def settle(self) -> None:
        """What the outbox stream triggers."""
        chaining.settle_outbox(self.world.runs.pending_events(self.lob), self.world)

    def publish(self, run_id: str, digest: str) -> None:
        publishing.publish_release(PublishRequest(run_id=run_id, lob=self.lob, manifest_digest=digest), self.world)
        self.close(run_id, RunState.PUBLISHED)

    def close(self, run_id: str, state: RunState, **failure: str) -> RunStatus:
        """End the execution and the run; `Error` and `Cause` as Step Functions words them."""
        self.world.executions.end(run_id)
        request = CloseRequest(run_id=run_id, lob=self.lob, state=state, failure=failure)
        return publishing.close_run(request, self.world)

    def published(self, month: str, data: bytes, **more: bytes) -> str:
        """Land, refresh, sign twice and publish; returns the run id."""
        self.land(month, data)
        for source, content in more.items():
            self.land(month, content, source)
        return self.signed_off(self.start(month).run_id)

    def rolled_back(self, to: str, **options: str) -> str:
        """Ask for a rollback, sign twice and publish; returns the run id."""
        return self.signed_off(self.roll_back(to, **options).run_id)

    def signed_off(self, run_id: str) -> str:
        """From OpenRun to the publication; returns the run id."""
        digest = self.to_sign_off(run_id)
        self.sign(run_id, "engineering_lead")
        self.sign(run_id, "data_lead")
        self.publish(run_id, digest)
        return run_id

    def state(self, run_id: str) -> str:
        return self.world.runs.get_run(run_id).state.value
