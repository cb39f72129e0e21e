"""EventBridge Scheduler that fires in the schedule's own time zone.

ministack reads every expression as UTC and forgets, over a restart, that a
one-time schedule has fired. Here an occurrence fires when it lies between the
last look and this one; what fell due while the stack was down is not made up.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import uuid
from collections.abc import Callable, Mapping
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ministack.core.responses import request_scope
from ministack.services import eventbridge, scheduler

from infra.local import iam
from infra.local.iam_requests import Need

_TICK_SECONDS = 1
#: Services a schedule may call here, and what its role needs for it.
_ACTIONS = {
    "lambda": "lambda:InvokeFunction",
    "states": "states:StartExecution",
    "sqs": "sqs:SendMessage",
    "sns": "sns:Publish",
}
_LOG = logging.getLogger(__name__)


def next_occurrence(expression: str, zone: ZoneInfo, created: dt.datetime, after: dt.datetime) -> dt.datetime | None:
    """The first moment after `after` at which the expression fires, or None.

    Raises:
        ValueError: not an expression Scheduler knows.
    """
    if expression.startswith("at("):
        moment = dt.datetime.fromisoformat(expression.strip()[3:-1]).replace(tzinfo=zone)
        return moment if moment > after else None
    seconds = eventbridge._parse_rate_seconds(expression)
    if seconds is not None:
        rounds = int((after - created).total_seconds() // seconds) + 1
        return created + dt.timedelta(seconds=rounds * seconds)
    fields = eventbridge._parse_cron_fields(expression)
    if fields is None:
        raise ValueError(f"Invalid Schedule Expression {expression}.")
    return eventbridge._cron_next_fire(fields, after.astimezone(zone))


class Ticker:
    """Fires what fell due since the last tick."""

    def __init__(self, started: dt.datetime) -> None:
        self._last = started

    def tick(self) -> None:
        """Stand-in for `scheduler._tick_schedules`."""
        now = dt.datetime.now(dt.UTC)
        since, self._last = self._last, now
        for state_key, schedule in list(scheduler._schedules._data.items()):
            account_id, region, _ = state_key
            with request_scope(account_id, region):
                due = _due(schedule, since, now)
                if due is not None:
                    _fire(schedule, due, account_id, region)
                    _forget_if_complete(state_key, schedule)


def _moment(value: object) -> dt.datetime | None:
    epoch = scheduler._to_epoch(value)
    return None if epoch is None else dt.datetime.fromtimestamp(epoch, dt.UTC)


def _due(schedule: Mapping[str, Any], since: dt.datetime, now: dt.datetime) -> dt.datetime | None:
    """The occurrence that lies in (since, now], if the schedule may run."""
    start, end = _moment(schedule.get("StartDate")), _moment(schedule.get("EndDate"))
    if schedule.get("State") != "ENABLED" or (start and now < start) or (end and now > end):
        return None
    created = _moment(schedule.get("CreationDate")) or since
    zone = ZoneInfo(schedule.get("ScheduleExpressionTimezone") or "UTC")
    moment = next_occurrence(schedule["ScheduleExpression"], zone, created, max(since, created))
    return moment if moment is not None and moment <= now else None


def _fire(schedule: Mapping[str, Any], due: dt.datetime, account_id: str, region: str) -> None:
    when = due.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    target = dict(schedule["Target"])
    words = {
        "<aws.scheduler.schedule-arn>": schedule.get("Arn", ""),
        "<aws.scheduler.scheduled-time>": when,
        "<aws.scheduler.execution-id>": str(uuid.uuid4()),
        "<aws.scheduler.attempt-number>": "1",
    }
    if "Input" in target:
        for word, value in words.items():
            target["Input"] = target["Input"].replace(word, value)
    event = {
        "EventId": words["<aws.scheduler.execution-id>"],
        "Source": "aws.scheduler",
        "DetailType": "Scheduled Event",
        "Detail": "{}",
        "Time": due.timestamp(),
        "Resources": [schedule.get("Arn", "")],
        "Account": account_id,
        "Region": region,
    }
    try:
        need = Need(_ACTIONS[target["Arn"].split(":")[2]], target["Arn"])
        iam.demand(target["RoleArn"], "scheduler", need)
        eventbridge._invoke_target(target, event, schedule)
    except iam.Refused as refused:
        _LOG.error("schedule %s did not fire: %s", schedule.get("Arn"), refused)
    except Exception:  # noqa: BLE001 - a broken target must not stop the other schedules
        _LOG.exception("schedule %s: its target failed", schedule.get("Arn"))


def _forget_if_complete(state_key: object, schedule: Mapping[str, Any]) -> None:
    one_time = schedule["ScheduleExpression"].startswith("at(")
    if one_time and schedule.get("ActionAfterCompletion") == "DELETE":
        scheduler._schedules._data.pop(state_key, None)


def _refusal(body: Mapping[str, Any]) -> str | None:
    """Why AWS, or the local stack, would not create this schedule."""
    now = dt.datetime.now(dt.UTC)
    try:
        zone = ZoneInfo(body.get("ScheduleExpressionTimezone") or "UTC")
        next_occurrence(body.get("ScheduleExpression", ""), zone, now, now)
    except (ZoneInfoNotFoundError, ValueError) as error:
        return str(error)
    arn = str((body.get("Target") or {}).get("Arn", ""))
    service = arn.split(":")[2] if arn.count(":") >= 5 else arn
    if service not in _ACTIONS:
        return f"the local stack schedules {', '.join(_ACTIONS)} targets only, not {arn!r}"
    return None


Handler = Callable[[str, dict[str, Any]], Any]


def _checked(handler: Handler) -> Handler:
    def check_first(name: str, body: dict[str, Any]) -> Any:
        refusal = _refusal(body)
        if refusal:
            message = json.dumps({"Message": refusal}).encode()
            headers = {"Content-Type": "application/json", "x-amzn-errortype": "ValidationException"}
            return 400, headers, message
        return handler(name, body)

    return check_first


def install() -> None:
    """Replace ministack's schedule loop and check what is created."""
    scheduler._SCHEDULE_TICK_INTERVAL = _TICK_SECONDS
    scheduler._tick_schedules = Ticker(dt.datetime.now(dt.UTC)).tick
    scheduler._create_schedule = _checked(scheduler._create_schedule)
    scheduler._update_schedule = _checked(scheduler._update_schedule)
