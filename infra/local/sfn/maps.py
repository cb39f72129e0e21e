"""Distributed Map: how many failed items a Map run tolerates.

moto reads the tolerance and ignores it, so a run with failed children ends as
a success with nulls. AWS fails it beyond the tolerance, which is 0 by default.
"""

from __future__ import annotations

from typing import Any

from moto.stepfunctions.parser.api import HistoryEventType
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import (
    StatesErrorNameType,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration import (
    distributed_iteration_component as distributed,
)

from infra.local.sfn.failures import failure

_CAUSE = "The specified tolerated failure threshold was exceeded"
_run_map = distributed.DistributedIterationComponent._map_run


def is_beyond_tolerance(*, failed: int, total: int, count: int, percentage: float) -> bool:
    """Whether a Map run with these failures fails; 0 means that a limit is unset."""
    if not count and not percentage:
        return failed > 0
    over_count = bool(count) and failed > count
    over_percentage = bool(percentage) and failed * 100 > percentage * total
    return over_count or over_percentage


def _map_run(self: Any, env: Any, eval_input: Any) -> None:
    """Stand-in for moto's Map run: no wait for an empty one, failures counted."""
    items = env.stack[-1]
    if not items:
        return
    _run_map(self, env=env, eval_input=eval_input)
    counter = eval_input.map_run_record.item_counter
    if is_beyond_tolerance(
        failed=counter.failed.get() + counter.timed_out.get(),
        total=len(items),
        count=eval_input.tolerated_failure_count,
        percentage=eval_input.tolerated_failure_percentage,
    ):
        raise failure(
            env,
            StatesErrorNameType.StatesExceedToleratedFailureThreshold,
            _CAUSE,
            HistoryEventType.MapStateFailed,
        )


def install() -> None:
    """Make Distributed Map honour its tolerance."""
    distributed.DistributedIterationComponent._map_run = _map_run
