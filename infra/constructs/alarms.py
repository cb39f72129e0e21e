"""Alarms, and the topic that mails them to operators (RELIABILITY §5).

Every alarm says in its description which section of `docs/runbook.md` to open; a test holds sections and alarms
together. For monthly work the alarms that matter most are those about what did not happen: `watch_runs` counts that
once an hour, and that it counted at all is watched here.
"""

from collections.abc import Mapping, Sequence

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

RUNBOOK = "docs/runbook.md"
_FIVE_MINUTES, _HOUR = Duration.minutes(5), Duration.hours(1)
_CLOUDWATCH = "cloudwatch.amazonaws.com"
_QUIET = cloudwatch.TreatMissingData.NOT_BREACHING
#: Neither fine nor bad: who counts is silent, which is an alarm of its own.
_UNKNOWN = cloudwatch.TreatMissingData.IGNORE
_SILENT = cloudwatch.TreatMissingData.BREACHING

#: Kind of alarm -> metric of `watch_runs` and what it means when that is not 0.
_ABSENCES: Mapping[str, tuple[str, str]] = {
    "run-not-started": ("RunsOverdue", "A refresh was due more than an hour ago, its files are there, and none began."),
    "feed-not-seen": ("FeedsNotSeen", "A refresh was due more than an hour ago and required files have not landed."),
    "sign-off-half": ("AsksPastHalf", "A question to the signers is unanswered after half of its time."),
    "sign-off-eighty": ("AsksPastEighty", "A question to the signers is unanswered after 80 % of its time."),
}


class Alarms(Construct):
    """The topic, and the alarms that are added one by one."""

    def __init__(self, scope: Construct, construct_id: str, *, prefix: str, account: str, mail: Sequence[str]) -> None:
        """Create the topic.

        Args:
            scope: parent.
            construct_id: id.
            prefix: how names begin.
            account: only CloudWatch of this account may write to the topic.
            mail: addresses to subscribe; each must confirm once.
        """
        super().__init__(scope, construct_id)
        self._prefix = prefix
        self.every: list[cloudwatch.Alarm] = []
        from_cloudwatch = iam.ServicePrincipal(_CLOUDWATCH, conditions={"StringEquals": {"aws:SourceAccount": account}})
        # The data's key stays closed to other services: CloudWatch gets one that opens alarms only.
        key = kms.Key(
            self,
            "Key",
            alias=f"{prefix}-alarms",
            description="fivetier: alarms on their way to operators",
            enable_key_rotation=True,
            removal_policy=RemovalPolicy.DESTROY,
        )
        key.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[from_cloudwatch], actions=["kms:Decrypt", "kms:GenerateDataKey"], resources=["*"]
            )
        )
        self.topic = sns.Topic(self, "Topic", topic_name=f"{prefix}-alarms", master_key=key, enforce_ssl=True)
        self.topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="CloudWatchAlarms",
                principals=[from_cloudwatch],
                actions=["sns:Publish"],
                resources=[self.topic.topic_arn],
            )
        )
        for address in mail:
            self.topic.add_subscription(subscriptions.EmailSubscription(address))

    def watch_queue(self, kind: str, queue_name: str) -> None:
        """Alarm when anything lies in a dead-letter queue."""
        metric = cloudwatch.Metric(
            namespace="AWS/SQS",
            metric_name="ApproximateNumberOfMessagesVisible",
            dimensions_map={"QueueName": queue_name},
            statistic="Maximum",
            period=_FIVE_MINUTES,
        )
        self._add(kind, metric, threshold=1, meaning="Something failed for good and was set aside.")

    def watch_function(self, folder: str, function_name: str) -> None:
        """Alarm when one in twenty calls fails, in two of three five-minute periods."""
        rate = _rate(
            _metric("AWS/Lambda", "Errors", FunctionName=function_name),
            _metric("AWS/Lambda", "Invocations", FunctionName=function_name),
            label=f"{folder}: % of calls that fail",
        )
        meaning = f"Function {folder} fails in 5 % of its calls or more."
        self._add("function-errors", rate, threshold=5, meaning=meaning, what=folder, of_three=2)

    def watch_lag(self, function_name: str) -> None:
        """Alarm when the stream's reader falls five minutes behind."""
        age = cloudwatch.Metric(
            namespace="AWS/Lambda",
            metric_name="IteratorAge",
            dimensions_map={"FunctionName": function_name},
            statistic="Maximum",
            period=_FIVE_MINUTES,
        )
        meaning = "Decisions wait for more than five minutes to reach the audit chain and their run."
        self._add("outbox-behind", age, threshold=5 * 60 * 1000, meaning=meaning, of_three=2)

    def watch_api(self, api_id: str) -> None:
        """Alarm when one in a hundred answers is a server's error, in two of three five-minute periods."""
        rate = _rate(
            _metric("AWS/ApiGateway", "5xx", ApiId=api_id),
            _metric("AWS/ApiGateway", "Count", ApiId=api_id),
            label="% of answers that are 5xx",
        )
        self._add("api-5xx", rate, threshold=1, meaning="People and clients get 5xx answers.", of_three=2)

    def watch_machine(self, lob: str, machine_arn: str) -> None:
        """Alarm when an execution ends in any other way than by itself; a rejection is no failure."""
        ended = {
            name.lower(): _metric("AWS/States", f"Executions{name}", StateMachineArn=machine_arn)
            for name in ("Failed", "TimedOut", "Aborted")
        }
        total = cloudwatch.MathExpression(
            expression="FILL(failed, 0) + FILL(timedout, 0) + FILL(aborted, 0)",
            using_metrics=ended,
            label=f"{lob}: refreshes that failed",
            period=_FIVE_MINUTES,
        )
        self._add("refresh-failed", total, threshold=1, meaning=f"A refresh of {lob} failed.", what=lob)

    def watch_absence(self, namespace: str, service: str) -> None:
        """Alarm when something due did not happen, and when nobody looked.

        Args:
            namespace: of the metrics `watch_runs` sends.
            service: their dimension.
        """
        for kind, (name, meaning) in _ABSENCES.items():
            counted = cloudwatch.Metric(
                namespace=namespace,
                metric_name=name,
                dimensions_map={"service": service},
                statistic="Maximum",
                period=_HOUR,
            )
            self._add(kind, counted, threshold=1, meaning=meaning, missing=_UNKNOWN)
        beats = cloudwatch.Metric(
            namespace=namespace,
            metric_name="WatchHeartbeat",
            dimensions_map={"service": service},
            statistic="Sum",
            period=_HOUR,
        )
        self._keep(
            cloudwatch.Alarm(
                self,
                "watch-silent",
                alarm_name=f"{self._prefix}-watch-silent",
                alarm_description=_described("watch-silent", "Nobody looked for two hours whether runs are overdue."),
                metric=beats,
                threshold=1,
                comparison_operator=cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
                evaluation_periods=2,
                treat_missing_data=_SILENT,
            )
        )

    def _add(
        self,
        kind: str,
        metric: cloudwatch.IMetric,
        *,
        threshold: float,
        meaning: str,
        what: str = "",
        of_three: int | None = None,
        missing: cloudwatch.TreatMissingData = _QUIET,
    ) -> None:
        """One alarm, named after its kind and what it is about.

        Args:
            kind: section of the runbook.
            metric: what it looks at.
            threshold: the least value that is too much.
            meaning: what it says.
            what: what it is about, if there are several of its kind.
            of_three: how many of three periods must be bad; if None, one of one.
            missing: what no data means.
        """
        name = f"{kind}-{what}".strip("-").replace("_", "-")
        self._keep(
            cloudwatch.Alarm(
                self,
                name,
                alarm_name=f"{self._prefix}-{name}",
                alarm_description=_described(kind, meaning),
                metric=metric,
                threshold=threshold,
                comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
                evaluation_periods=3 if of_three else 1,
                datapoints_to_alarm=of_three or 1,
                treat_missing_data=missing,
            )
        )

    def _keep(self, alarm: cloudwatch.Alarm) -> None:
        alarm.add_alarm_action(actions.SnsAction(self.topic))
        self.every.append(alarm)


def _described(kind: str, meaning: str) -> str:
    return f"{meaning} What to do: {RUNBOOK}, {kind}."


def _metric(namespace: str, name: str, **dimensions: str) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace=namespace, metric_name=name, dimensions_map=dimensions, statistic="Sum", period=_FIVE_MINUTES
    )


def _rate(bad: cloudwatch.Metric, every: cloudwatch.Metric, *, label: str) -> cloudwatch.MathExpression:
    """Percentage of what was bad; nothing at all is no data."""
    return cloudwatch.MathExpression(
        expression="100 * bad / every", using_metrics={"bad": bad, "every": every}, label=label, period=_FIVE_MINUTES
    )
