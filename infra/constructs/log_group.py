"""Log groups: how long logs are kept."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_logs as logs
from constructs import Construct

#: CloudWatch keeps logs in steps of its own.
_STEPS = {
    1: logs.RetentionDays.ONE_DAY,
    7: logs.RetentionDays.ONE_WEEK,
    30: logs.RetentionDays.ONE_MONTH,
    90: logs.RetentionDays.THREE_MONTHS,
    365: logs.RetentionDays.ONE_YEAR,
    731: logs.RetentionDays.TWO_YEARS,
    2192: logs.RetentionDays.SIX_YEARS,
}


class LogGroup(logs.LogGroup):
    """Logs for operators, gone with what wrote them: evidence is in the audit chain, never here."""

    def __init__(self, scope: Construct, construct_id: str, *, name: str, days: int) -> None:
        """Create it.

        Args:
            scope: parent.
            construct_id: id.
            name: physical name.
            days: how long logs are kept.

        Raises:
            ValueError: CloudWatch has no such step, or we do not use it.
        """
        if days not in _STEPS:
            raise ValueError(f"logs are kept {', '.join(map(str, _STEPS))} days, not {days}")
        super().__init__(
            scope, construct_id, log_group_name=name, retention=_STEPS[days], removal_policy=RemovalPolicy.DESTROY
        )
