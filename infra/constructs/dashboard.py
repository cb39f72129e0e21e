"""One page of CloudWatch: what is overdue, what waits for people, what failed."""

from collections.abc import Mapping, Sequence

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

_HALF, _FULL = 12, 24


class Dashboard(cloudwatch.Dashboard):
    """For operators who come from an alarm, or look once a day."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        alarms: Sequence[cloudwatch.IAlarm],
        machines: Mapping[str, str],
        functions: Sequence[str],
        queues: Sequence[str],
        api_id: str,
        watch_namespace: str,
        watch_service: str,
    ) -> None:
        """Create it.

        Args:
            scope: parent.
            construct_id: id.
            name: physical name.
            alarms: every alarm, in the order they are shown.
            machines: ARN of each line of business's state machine.
            functions: physical names of the functions.
            queues: physical names of the dead-letter queues.
            api_id: the HTTP API.
            watch_namespace: namespace of what `watch_runs` counts.
            watch_service: dimension of that.
        """
        super().__init__(scope, construct_id, dashboard_name=name, default_interval=Duration.days(7))

        def watched(metric: str) -> cloudwatch.Metric:
            return _metric(watch_namespace, metric, "Maximum", hours=1, service=watch_service)

        self.add_widgets(
            cloudwatch.AlarmStatusWidget(title="Alarms (docs/runbook.md)", alarms=list(alarms), width=_FULL, height=6)
        )
        self.add_widgets(
            _graph("Refreshes", [watched("RunsOpen"), watched("RunsOverdue"), watched("FeedsNotSeen")]),
            _graph(
                "Questions to the signers",
                [watched("AsksOpen"), watched("AsksPastHalf"), watched("AsksPastEighty")],
                right=[watched("OldestAskHours")],
            ),
        )
        self.add_widgets(
            _graph(
                "Executions",
                [
                    _metric("AWS/States", f"Executions{end}", "Sum", label=f"{lob} {end}", StateMachineArn=arn)
                    for lob, arn in machines.items()
                    for end in ("Started", "Succeeded", "Failed")
                ],
            ),
            _graph(
                "Front door",
                [_metric("AWS/ApiGateway", each, "Sum", ApiId=api_id) for each in ("Count", "4xx", "5xx")],
                right=[_metric("AWS/ApiGateway", "Latency", "p99", ApiId=api_id)],
            ),
        )
        self.add_widgets(
            _graph(
                "Function errors",
                [_metric("AWS/Lambda", "Errors", "Sum", label=each, FunctionName=each) for each in functions],
            ),
            _graph(
                "Set aside (dead-letter queues)",
                [
                    _metric("AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum", label=each, QueueName=each)
                    for each in queues
                ],
            ),
        )


def _metric(
    namespace: str, name: str, statistic: str, *, hours: float = 1 / 12, label: str | None = None, **dimensions: str
) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace=namespace,
        metric_name=name,
        dimensions_map=dimensions,
        statistic=statistic,
        period=Duration.minutes(60 * hours),
        label=label,
    )


def _graph(
    title: str, left: Sequence[cloudwatch.IMetric], *, right: Sequence[cloudwatch.IMetric] = ()
) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(title=title, left=list(left), right=list(right), width=_HALF, height=6)
