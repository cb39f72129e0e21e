"""Runs that ask people: contracts move from one parent to another, and two people are asked about it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import boto3

from tests.support.cms import Entry, directory, entries
from tests.support.pipeline import Pipeline

CIGNA, HCSC = "The Cigna Group", "Health Care Service Corporation"
HOSTILE = "<img src=x onerror=alert(1)> & \"Sons\" <script>alert('name')</script>"


@dataclass
class Desk:
    """Asks people: each run of a later month moves contracts from one parent to another."""

    pipeline: Pipeline

    @property
    def url(self) -> str:
        return self.pipeline.deployed.front_door_url

    def asks(self, *, to: str = HCSC) -> str:
        """A run that waits for its signers; returns its id."""
        month = self.pipeline.next_month()
        moved = [e.moved(to) if e.parent == CIGNA else e for e in self._rows()]
        # Something new each month, so that there is something to ask about whatever is published.
        self.pipeline.land(month, directory([replace(moved[0], marketing=f"Sunrise {month}"), *moved[1:]]))
        status = self.pipeline.refresh(month)
        assert status["state"] == "AWAITING_SIGN_OFF", status
        return str(status["run_id"])

    def baseline(self) -> None:
        """Publish the state in which Cigna still has its contracts."""
        self.pipeline.publish(self.pipeline.next_month(), directory(self._rows()))

    @contextmanager
    def answers_within(self, *, seconds: int) -> Iterator[None]:
        """Give people less time than the policy does, for the runs of this block."""
        name = self.pipeline.deployed.outputs["FreezeCandidateFunction"]
        client = boto3.client("lambda")
        before = client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        hurried = {**before, "FIVETIER_SIGN_OFF_SECONDS": str(seconds)}
        client.update_function_configuration(FunctionName=name, Environment={"Variables": hurried})
        yield
        client.update_function_configuration(FunctionName=name, Environment={"Variables": before})

    @staticmethod
    def _rows() -> list[Entry]:
        return [e.moved(CIGNA) if e.parent == "Summit Plans" else e for e in entries()]
