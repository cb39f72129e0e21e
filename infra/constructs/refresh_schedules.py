"""The refresh calendar and the hourly look at it, by EventBridge Scheduler: rules know UTC only (DOMAIN R2.1)."""

import json
from collections.abc import Iterable, Mapping

from aws_cdk import aws_iam as iam
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sqs as sqs
from constructs import Construct
from fivetier.domain.calendar import Schedule

from infra.constructs.grants import Grant, give

#: Scheduler puts the time in that the schedule was due at: a late call still refreshes the month it was meant for.
_SCHEDULED_AT = "<aws.scheduler.scheduled-time>"
_AN_HOUR = 60 * 60
_HALF_A_DAY = 12 * _AN_HOUR


class RefreshSchedules(Construct):
    """One schedule group, one role that may call one function, one schedule per line of the calendar."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        group_name: str,
        schedules: Iterable[Schedule],
        function_arn: str,
        missed: sqs.IQueue,
        account: str,
        is_enabled: bool,
    ) -> None:
        """Create them.

        Args:
            scope: parent.
            construct_id: id.
            group_name: name of the group.
            schedules: the calendar.
            function_arn: function that starts a refresh.
            missed: queue for calls that could not be made within half a day.
            account: only schedules of this account may take the role.
            is_enabled: whether they fire.
        """
        super().__init__(scope, construct_id)
        group = scheduler.CfnScheduleGroup(self, "Group", name=group_name)
        role = _caller(self, f"{group_name}: starts refreshes when they are due", function_arn, missed, account)
        for schedule in schedules:
            one = scheduler.CfnSchedule(
                self,
                f"{schedule.lob.value}-{schedule.name}",
                name=f"{schedule.lob.value}-{schedule.name}".replace("_", "-"),
                group_name=group_name,
                description=schedule.meaning,
                schedule_expression=schedule.expression,
                schedule_expression_timezone=schedule.timezone,
                flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
                state="ENABLED" if is_enabled else "DISABLED",
                target=_target(
                    {"lob": schedule.lob.value, "scheduled_at": _SCHEDULED_AT},
                    function_arn=function_arn,
                    role=role,
                    missed=missed,
                    patience_seconds=_HALF_A_DAY,
                ),
            )
            one.add_resource_dependency(group)


class HourlyCall(Construct):
    """Calls one function every hour. A rate, not a time of day: no clock change makes it skip or repeat an hour."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        group_name: str,
        name: str,
        meaning: str,
        function_arn: str,
        missed: sqs.IQueue,
        account: str,
    ) -> None:
        """Create it.

        Args:
            scope: parent.
            construct_id: id.
            group_name: name of the schedule group.
            name: name of the schedule.
            meaning: what it is for.
            function_arn: function that is called, with an empty event.
            missed: queue for calls that could not be made within the hour.
            account: only schedules of this account may take the role.
        """
        super().__init__(scope, construct_id)
        group = scheduler.CfnScheduleGroup(self, "Group", name=group_name)
        role = _caller(self, f"{group_name}: {meaning}", function_arn, missed, account)
        one = scheduler.CfnSchedule(
            self,
            "Schedule",
            name=name,
            group_name=group_name,
            description=meaning,
            schedule_expression="rate(1 hour)",
            flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
            state="ENABLED",
            target=_target({}, function_arn=function_arn, role=role, missed=missed, patience_seconds=_AN_HOUR),
        )
        one.add_resource_dependency(group)


def _caller(scope: Construct, description: str, function_arn: str, missed: sqs.IQueue, account: str) -> iam.Role:
    """A role of Scheduler that may call one function, and set aside what it could not deliver."""
    role = iam.Role(
        scope,
        "Role",
        assumed_by=iam.ServicePrincipal(
            "scheduler.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": account}}
        ),
        description=description,
    )
    give(
        role,
        [
            Grant(actions=("lambda:InvokeFunction",), resources=(function_arn,)),
            Grant(actions=("sqs:SendMessage",), resources=(missed.queue_arn,)),
        ],
    )
    return role


def _target(
    event: Mapping[str, str], *, function_arn: str, role: iam.Role, missed: sqs.IQueue, patience_seconds: int
) -> scheduler.CfnSchedule.TargetProperty:
    return scheduler.CfnSchedule.TargetProperty(
        arn=function_arn,
        role_arn=role.role_arn,
        input=json.dumps(dict(event)),
        dead_letter_config=scheduler.CfnSchedule.DeadLetterConfigProperty(arn=missed.queue_arn),
        retry_policy=scheduler.CfnSchedule.RetryPolicyProperty(
            maximum_event_age_in_seconds=patience_seconds, maximum_retry_attempts=20
        ),
    )
