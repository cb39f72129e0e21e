"""How long logs are kept."""

from aws_cdk import aws_logs as logs

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


def log_retention(days: int) -> logs.RetentionDays:
    """CDK's word for a number of days.

    Raises:
        ValueError: CloudWatch has no such step, or we do not use it.
    """
    if days not in _STEPS:
        raise ValueError(f"logs are kept {', '.join(map(str, _STEPS))} days, not {days}")
    return _STEPS[days]
