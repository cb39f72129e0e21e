"""The lease of a LOB, with fence numbers that only rise (part of port `RunStore`)."""

from datetime import datetime

from fivetier.app.records import Lease
from fivetier.aws import iso
from fivetier.aws.dynamo_items import run_key
from fivetier.aws.dynamo_table import Action, ConditionsFailed, Item, OpsTable
from fivetier.domain.errors import FencedOut, LeaseHeld
from fivetier.domain.runs import RunState

_HELD, _RELEASED = "HELD", "RELEASED"
_TRIES = 3


class DynamoLeases(OpsTable):
    """Leases: `LOB#{lob}`/`LEASE` holds run_id, fence, acquired_at and status.

    A lease never times out by the clock: who stopped working is told by the holder's run record.
    """

    def acquire_lease(self, lob: str, run_id: str, now: datetime) -> Lease:
        """Take the LOB's lease; the same run gets the same fence again, a free or abandoned one a higher fence.

        Raises:
            LeaseHeld: a run that is still open holds it, or others keep taking it before us.
        """
        held: Item | None = None
        for _ in range(_TRIES):
            held = self._get(f"LOB#{lob}", "LEASE")
            if held and held["run_id"] == run_id and held["status"] == _HELD:
                return _to_lease(lob, held)
            try:
                return self._take(lob, run_id, now, held)
            except ConditionsFailed:
                continue  # somebody was faster: look again
        raise _held_error(lob, held)

    def release_lease(self, lease: Lease) -> None:
        """Give it back; does nothing when it was given to somebody else since."""
        values: Item = {"released": _RELEASED, "run_id": lease.run_id, "fence": lease.fence}
        ours = "#run_id = :run_id AND #fence = :fence"
        try:
            self._write([self._update(f"LOB#{lease.lob}", "LEASE", "SET #status = :released", values, condition=ours)])
        except ConditionsFailed:
            return

    def require_fence(self, lease: Lease) -> None:
        """Check that nobody was given the lease since; given back by ourselves it still has our fence.

        Raises:
            FencedOut: another run has it, or had it.
        """
        held = self._get(f"LOB#{lease.lob}", "LEASE")
        current = int(held["fence"]) if held else 0
        if current != lease.fence or not held or held["run_id"] != lease.run_id:
            raise FencedOut(lob=lease.lob, run_id=lease.run_id, fence=lease.fence, current=current)

    def _take(self, lob: str, run_id: str, now: datetime, held: Item | None) -> Lease:
        """Take what was seen: absent, given back, or left by a run that works no more.

        Raises:
            ConditionsFailed: it changed since it was read.
            LeaseHeld: its holder is at work.
        """
        fence = int(held["fence"]) + 1 if held else 1
        item: Item = {"run_id": run_id, "fence": fence, "acquired_at": iso.to_micros(now), "status": _HELD}
        if held is None:
            self._write([self._put_new({"pk": f"LOB#{lob}", "sk": "LEASE", **item})])
            return _to_lease(lob, item)
        actions: list[Action] = [] if held["status"] == _RELEASED else [self._holder_stopped(lob, held)]
        values = {**item, "seen_run_id": held["run_id"], "seen_fence": held["fence"], "seen_status": held["status"]}
        update = "SET #run_id = :run_id, #fence = :fence, #acquired_at = :acquired_at, #status = :status"
        unchanged = "#run_id = :seen_run_id AND #fence = :seen_fence AND #status = :seen_status"
        self._write([*actions, self._update(f"LOB#{lob}", "LEASE", update, values, condition=unchanged)])
        return _to_lease(lob, item)

    def _holder_stopped(self, lob: str, held: Item) -> Action:
        """A check, for the same transaction, that the holder still is in the state in which it does not work."""
        holder = run_key(str(held["run_id"]))
        run = self._get(holder, "RUN", only=("state",))
        if run is None or not _lets_go(RunState(str(run["state"]))):
            raise _held_error(lob, held)
        return self._check(holder, "RUN", "#state = :state", {"state": run["state"]})


def _lets_go(state: RunState) -> bool:
    """While people decide nobody works, so a lease that was not given back then is free too."""
    return state.has_ended or state is RunState.AWAITING_SIGN_OFF


def _to_lease(lob: str, item: Item) -> Lease:
    acquired_at = iso.parse(str(item["acquired_at"]))
    return Lease(lob=lob, run_id=str(item["run_id"]), fence=int(item["fence"]), acquired_at=acquired_at)


def _held_error(lob: str, held: Item | None) -> LeaseHeld:
    holder, since = (str(held["run_id"]), str(held["acquired_at"])) if held else ("another run", "a moment ago")
    return LeaseHeld(lob=lob, holder=holder, since=since)
