"""Run records, and the whole of port `RunStore` (leases, sign-offs and outbox are its other parts)."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from fivetier.app.records import Run
from fivetier.aws.dynamo_items import PROGRESS, encode, item_to_run, run_key, run_to_item
from fivetier.aws.dynamo_leases import DynamoLeases
from fivetier.aws.dynamo_outbox import DynamoOutbox
from fivetier.aws.dynamo_sign_offs import DynamoSignOffs
from fivetier.aws.dynamo_table import ConditionsFailed
from fivetier.domain.audit import AuditEvent
from fivetier.domain.errors import AskNotOpen, RunNotFound
from fivetier.domain.runs import RunState
from fivetier.domain.tiers import Lob


class DynamoRunStore(DynamoLeases, DynamoSignOffs, DynamoOutbox):
    """Port `RunStore` on one DynamoDB table (keys in `dynamo_table`)."""

    def create_run(self, run: Run, event: AuditEvent) -> bool:
        """Store a new run; False when it exists already."""
        try:
            self._write([self._put_new(run_to_item(run))], event)
        except ConditionsFailed:
            return False
        return True

    def get_run(self, run_id: str) -> Run:
        """One run, read consistently.

        Raises:
            RunNotFound: there is none.
        """
        item = self._get(run_key(run_id), "RUN")
        if item is None:
            raise RunNotFound(run_id=run_id)
        return item_to_run(item)

    def list_runs(self, lob: str | None = None) -> list[Run]:
        """Runs, newest first. A run created this second may still be missing: `create_run` decides, not this list."""
        lobs = [lob] if lob else [known.value for known in Lob]
        runs = [item_to_run(item) for name in lobs for item in self._query_index(name)]
        return sorted(runs, key=lambda run: (run.started_at, run.run_id), reverse=True)

    def transition(
        self, run_id: str, *, allowed: Sequence[RunState], to: RunState, changes: Mapping[str, Any], event: AuditEvent
    ) -> bool:
        """Change a run's state, its fields and the outbox in one transaction.

        Returns False when the run already is in state `to` (a repeat), without writing.

        Raises:
            RunNotFound: there is no such run.
            AskNotOpen: the run is in none of the allowed states.
        """
        present, absent = encode({**changes, "state": to})
        sets = ", ".join(f"#{name} = :{name}" for name in present)
        removes = f" REMOVE {', '.join(f'#{name}' for name in absent)}" if absent else ""
        states = {f"allowed_{n}": state.value for n, state in enumerate(allowed)}
        condition = f"#state IN ({', '.join(f':{name}' for name in states)}) AND #state <> :state"
        values = {**present, **states}
        update = self._update(run_key(run_id), "RUN", f"SET {sets}{removes}", values, condition=condition)
        try:
            self._write([update], event)
        except ConditionsFailed as refused:
            state = self.get_run(run_id).state
            if state is to:
                return False
            raise AskNotOpen(run_id=run_id, state=state) from refused
        return True

    def note_progress(self, run_id: str, step: str, counts: Mapping[str, Any]) -> None:
        """Record row counts of a step; for people, decides nothing.

        Raises:
            RunNotFound: there is no such run.
        """
        update = self._update(
            run_key(run_id),
            "RUN",
            "SET #step = :counts",
            {"counts": json.dumps(dict(counts))},
            condition="attribute_exists(pk)",
            step=f"{PROGRESS}{step}",
        )
        try:
            self._write([update])
        except ConditionsFailed as refused:
            raise RunNotFound(run_id=run_id) from refused
