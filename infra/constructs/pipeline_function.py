"""The only way a Lambda function comes into being here (STYLE §3.5)."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.constructs.acknowledge import Excuse, acknowledge
from infra.constructs.grants import Grant, give
from infra.constructs.log_group import LogGroup

ENTRY = "handler.handler"
#: Python's own leftovers would change an asset's hash from machine to machine.
LEFTOVERS = ["**/__pycache__", "**/*.pyc"]
_TRACING = Excuse("X-Ray's PutTraceSegments and PutTelemetryRecords know no resources.", until="2027-11-30")
_RUNTIME = Excuse("The layers are built, compiled and smoke-tested for Python 3.13.", until="2027-05-31")


class MissingFunctionCode(FileNotFoundError):
    """A function of the table has no code."""

    def __init__(self, *, name: str, entry: Path) -> None:
        self.name, self.entry = name, entry
        super().__init__(f"function {name} has no code: {entry} does not exist. Every function is one folder.")


class PipelineFunction(Construct):
    """A function with its own role, log group and tracing; its rights are what `grants` says and nothing else."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        code: Path,
        description: str,
        layers: Sequence[lambda_.ILayerVersion],
        environment: Mapping[str, str],
        grants: Sequence[Grant],
        memory_mb: int,
        timeout_seconds: int,
        log_retention_days: int,
        dead_letters: sqs.IQueue | None = None,
        reserved_concurrency: int | None = None,
    ) -> None:
        """Create it.

        Args:
            scope: parent.
            construct_id: id.
            name: physical name.
            code: folder with `handler.py`; it alone is the function's code.
            description: what it is for.
            layers: our own package and third-party packages.
            environment: variables.
            grants: all its rights.
            memory_mb: memory.
            timeout_seconds: time-out.
            log_retention_days: how long its logs are kept.
            dead_letters: where asynchronous calls go that failed three times; only for functions called so.
            reserved_concurrency: most instances at once.

        Raises:
            MissingFunctionCode: there is no handler.
        """
        super().__init__(scope, construct_id)
        entry = code / "handler.py"
        if not entry.is_file():
            raise MissingFunctionCode(name=name, entry=entry)
        log_group = LogGroup(self, "Logs", name=f"/aws/lambda/{name}", days=log_retention_days)
        self.role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            description=f"{name}: {description}",
        )
        self.function = lambda_.Function(
            self,
            "Function",
            function_name=name,
            description=description,
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=lambda_.Architecture.ARM_64,
            handler=ENTRY,
            code=lambda_.Code.from_asset(str(code), exclude=LEFTOVERS),
            layers=list(layers),
            environment=dict(environment),
            role=self.role,
            memory_size=memory_mb,
            timeout=Duration.seconds(timeout_seconds),
            tracing=lambda_.Tracing.ACTIVE,
            logging_format=lambda_.LoggingFormat.JSON,
            log_group=log_group,
            reserved_concurrent_executions=reserved_concurrency,
            dead_letter_queue=dead_letters,
            max_event_age=Duration.hours(6) if dead_letters else None,
            retry_attempts=2 if dead_letters else None,
        )
        write_logs = Grant(
            actions=("logs:CreateLogStream", "logs:PutLogEvents"),
            resources=(log_group.log_group_arn,),
        )
        give(self.role, [write_logs, *grants], also_wildcard={"*": _TRACING})
        acknowledge(self.function, "AwsSolutions-L1", _RUNTIME)

    @property
    def arn(self) -> str:
        """The function's ARN."""
        return self.function.function_arn
