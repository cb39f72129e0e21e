"""What runs: functions, one state machine per line of business, the front door, the calendar, triggers and alarms."""

from collections.abc import Mapping
from typing import Any

from aws_cdk import CfnOutput, CfnResource, Duration, Stack
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from constructs import Construct
from fivetier.domain.calendar import SCHEDULES, refreshed_lobs

from infra.constructs.acknowledge import Excuse
from infra.constructs.alarms import Alarms
from infra.constructs.asl_state_machine import AslStateMachine
from infra.constructs.dashboard import Dashboard
from infra.constructs.dead_letters import DeadLetters
from infra.constructs.front_door import FrontDoor
from infra.constructs.grants import Grant, give
from infra.constructs.people import SignInClient
from infra.constructs.pipeline_function import LEFTOVERS, PipelineFunction
from infra.constructs.refresh_schedules import HourlyCall, RefreshSchedules
from infra.constructs.third_party_layers import third_party_layers
from infra.settings import ROOT, StageSettings
from infra.stacks.data import DataStack
from infra.stacks.function_table import FUNCTIONS, FunctionSpec
from infra.stacks.names import DataNames, function_name, machine_name
from infra.stacks.needs import Identity, Needs, of_partitions, table_arn

#: Placeholder of `refresh.asl.json` -> folder of the function.
STEPS: Mapping[str, str] = {
    "OpenRunFn": "open_run",
    "DiscoverFeedsFn": "discover_feeds",
    "NormalizeFeedFn": "normalize_feed",
    "ResolveHierarchyFn": "resolve_hierarchy",
    "ReconcileCandidateFn": "reconcile_candidate",
    "FreezeCandidateFn": "freeze_candidate",
    "PublishReleaseFn": "publish_release",
    "CloseRunFn": "close_run",
}
_GET, _POST = apigateway.HttpMethod.GET, apigateway.HttpMethod.POST
#: The JSON API: API Gateway refuses whoever brings no token of the issuer.
ROUTES: Mapping[str, tuple[apigateway.HttpMethod, ...]] = {
    "/api/runs": (_GET, _POST),
    "/api/runs/{run_id}": (_GET,),
    "/api/runs/{run_id}/report": (_GET,),
    "/api/calendar": (_GET,),
    "/api/lookbacks": (_POST,),
    "/api/rollbacks": (_POST,),
    "/api/sign-offs/{run_id}/{round}": (_POST,),
}
#: Pages for people: a browser brings a cookie, which the function checks (ADR 12).
PAGES: Mapping[str, tuple[apigateway.HttpMethod, ...]] = {
    "/": (_GET,),
    "/runs/{run_id}": (_GET,),
    "/sign-offs/{run_id}/{round}": (_GET, _POST),
    "/login": (_GET,),
    "/callback": (_GET,),
    "/logout": (_POST,),
}
#: Who counts what is overdue; the dimension of its metrics.
WATCHER = "watch_runs"
_COOKIE_SESSION = Excuse(
    "A browser sends no bearer token: serve_pages checks the issuer's token in a session cookie on every request, "
    "and leads whoever has none to the issuer's sign-in (ADR 12).",
    until="2027-11-30",
)
#: A new outbox event.
OUTBOX_FILTER: Mapping[str, Any] = {
    "eventName": lambda_.FilterRule.is_equal("INSERT"),
    "dynamodb": {"Keys": {"pk": {"S": lambda_.FilterRule.begins_with("OUTBOX#")}}},
}
#: A round that is newly asked.
ASK_FILTER: Mapping[str, Any] = {
    "eventName": lambda_.FilterRule.or_("INSERT", "MODIFY"),
    "dynamodb": {
        "Keys": {
            "pk": {"S": lambda_.FilterRule.begins_with("RUN#")},
            "sk": {"S": lambda_.FilterRule.is_equal("ASK")},
        }
    },
}


class PipelineStack(Stack):
    """Everything of one stage that holds no data and may be replaced at any time."""

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: StageSettings, data: DataStack, env: dict[str, str]
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            env=env,
            description="fivetier: refresh one line of business at a time, publish only what two people signed",
        )
        self._settings, self._data = settings, data
        self._queues: list[str] = []
        self._machines: dict[str, str] = {}
        self._door = FrontDoor(
            self,
            "Api",
            name=settings.prefix,
            requests_per_second=settings.api_requests_per_second,
            log_retention_days=settings.log_retention_days,
        )
        self._front_door_url = settings.front_door_url or self._door.url
        self._identity = self._identify()
        self._needs = Needs(
            settings,
            key_arn=data.key.key_arn,
            stream_arn=data.table.table_stream_arn,
            front_door_url=self._front_door_url,
            identity=self._identity,
        )
        self._layers = self._add_layers()
        self._unheard = self._queue("AsyncFailures", "async-failures")
        self._undelivered = self._queue("UndeliveredEvents", "undelivered-events", is_target_of="EventBridge rules")
        self.functions = {spec.name: self._add_function(spec) for spec in FUNCTIONS}
        self._follow_stream()
        for lob in refreshed_lobs():
            self._add_machine(lob.value)
        self._open_door()
        self._add_schedules()
        self._add_monitoring()
        for name, function in self.functions.items():
            CfnOutput(self, f"{_pascal(name)}Function", value=function.function.function_name)

    def _identify(self) -> Identity:
        """The issuer that is named, or the pool of this stage with the front door as its client."""
        people, settings = self._data.people, self._settings
        if people is None:
            return Identity(issuer=settings.oidc_issuer, audience=str(settings.oidc_audience))
        client = SignInClient(self, "SignIn", people=people, front_door_url=self._front_door_url)
        return Identity(issuer=people.issuer, audience=client.user_pool_client_id)

    def _add_layers(self) -> dict[str, list[lambda_.ILayerVersion]]:
        """Our own package, and beside it one layer of third-party packages per function (ADR 14)."""
        core = lambda_.LayerVersion(
            self,
            "CoreLayer",
            layer_version_name=f"{self._settings.prefix}-core",
            description="fivetier itself",
            code=lambda_.Code.from_asset(str(ROOT / "layers" / "core"), exclude=LEFTOVERS),
            compatible_runtimes=[lambda_.Runtime.PYTHON_3_13],
            compatible_architectures=[lambda_.Architecture.ARM_64],
        )
        third_party = third_party_layers(self, self._settings)
        return {family: [core, layer] for family, layer in third_party.items()}

    def _add_function(self, spec: FunctionSpec) -> PipelineFunction:
        settings = self._settings
        return PipelineFunction(
            self,
            _pascal(spec.name),
            name=function_name(settings, spec.name),
            code=ROOT / "functions" / spec.name,
            description=spec.meaning,
            layers=self._layers[spec.layer],
            environment=self._needs.environment(spec),
            grants=self._needs.grants(spec),
            memory_mb=spec.memory_mb(settings),
            timeout_seconds=spec.timeout_seconds,
            log_retention_days=settings.log_retention_days,
            dead_letters=self._unheard if spec.is_async else None,
            reserved_concurrency=spec.reserved_concurrency(settings),
        )

    def _follow_stream(self) -> None:
        """Who is woken by the operations table: at most two, as DynamoDB lets no more read a stream (ADR 13)."""
        self._wake("settle_outbox", "Outbox", OUTBOX_FILTER, retry_attempts=10)
        if self._settings.mail_from is not None:
            # SES that is throttled or paused for a while comes back; by then nobody hurries any more.
            self._wake("send_mail", "Mail", ASK_FILTER, OUTBOX_FILTER, max_record_age=Duration.hours(1))

    def _wake(self, folder: str, kind: str, *filters: Mapping[str, Any], **patience: Any) -> None:
        """Wake a function by records of the stream; what it can never take is set aside, the rest goes on."""
        of_stream = "the operations table's stream"
        failures = self._queue(f"{kind}Failures", f"{kind.lower()}-failures", is_target_of=of_stream)
        give(self.functions[folder].role, [Grant(actions=("sqs:SendMessage",), resources=(failures.queue_arn,))])
        mapping = self.functions[folder].function.add_event_source_mapping(
            kind,
            event_source_arn=self._data.table.table_stream_arn,
            starting_position=lambda_.StartingPosition.TRIM_HORIZON,
            filters=[lambda_.FilterCriteria.filter(dict(each)) for each in filters],
            batch_size=25,
            bisect_batch_on_error=True,
            **patience,
        )
        # CDK's own way (SqsDlq) gives the function two more rights on the queue, which nothing uses.
        on_failure = {"OnFailure": {"Destination": failures.queue_arn}}
        cfn_mapping: CfnResource = mapping.node.default_child  # type: ignore[assignment]
        cfn_mapping.add_property_override("DestinationConfig", on_failure)

    def _add_machine(self, lob: str) -> None:
        settings, names = self._settings, DataNames.of(self._settings)
        steps = {placeholder: self.functions[folder].arn for placeholder, folder in STEPS.items()}
        machine = AslStateMachine(
            self,
            f"Refresh{_pascal(lob)}",
            name=machine_name(settings, lob),
            definition=ROOT / "statemachines" / "refresh.asl.json",
            substitutions={**steps, "OpsTable": names.ops_table},
            grants=[
                Grant(actions=("lambda:InvokeFunction",), resources=tuple(steps.values())),
                # One transaction writes both, and a policy must not depend on which keys it is checked against.
                Grant(
                    actions=("dynamodb:UpdateItem", "dynamodb:PutItem"),
                    resources=(table_arn(names),),
                    conditions=of_partitions("RUN", "TOKEN"),
                ),
                Grant(actions=("kms:Decrypt", "kms:GenerateDataKey"), resources=(self._data.key.key_arn,)),
            ],
            log_retention_days=settings.log_retention_days,
        )
        self._machines[lob] = machine.arn
        self._close_when_ended(lob, machine.arn)
        CfnOutput(self, f"StateMachine{_pascal(lob)}", value=machine.arn)

    def _close_when_ended(self, lob: str, machine_arn: str) -> None:
        """An execution that was stopped from outside leaves its run open: close it as ABANDONED.

        A run that closed itself (its execution ends FAILED too) stays as it is: closing does nothing then.
        """
        events.Rule(
            self,
            f"CloseEnded{_pascal(lob)}",
            rule_name=f"{machine_name(self._settings, lob)}-close-ended".replace("_", "-"),
            description=f"fivetier: close {lob} runs whose execution ended by itself",
            event_pattern=events.EventPattern(
                source=["aws.states"],
                detail_type=["Step Functions Execution Status Change"],
                detail={"status": ["ABORTED", "FAILED", "TIMED_OUT"], "stateMachineArn": [machine_arn]},
            ),
            targets=[
                targets.LambdaFunction(
                    self.functions["close_run"].function,
                    event=events.RuleTargetInput.from_object(
                        {"run_id": events.EventField.from_path("$.detail.name"), "lob": lob, "state": "ABANDONED"}
                    ),
                    dead_letter_queue=self._undelivered,
                    max_event_age=Duration.hours(24),
                    retry_attempts=20,
                )
            ],
        )

    def _open_door(self) -> None:
        self._door.demand_token(
            ROUTES,
            self.functions["serve_api"].function,
            issuer=self._identity.issuer,
            audience=self._identity.audience,
        )
        self._door.leave_to_function(PAGES, self.functions["serve_pages"].function, excuse=_COOKIE_SESSION)
        CfnOutput(self, "FrontDoorUrl", value=self._front_door_url)

    def _add_schedules(self) -> None:
        prefix = self._settings.prefix
        missed = self._queue("MissedSchedules", "missed-schedules", is_target_of="EventBridge Scheduler")
        RefreshSchedules(
            self,
            "Calendar",
            group_name=prefix,
            schedules=SCHEDULES,
            function_arn=self.functions["start_refresh"].arn,
            missed=missed,
            account=self.account,
            is_enabled=self._settings.schedules_enabled,
        )
        HourlyCall(
            self,
            "Watch",
            group_name=f"{prefix}-watch",
            name="watch-runs",
            meaning="start what landed late, count what is overdue",
            function_arn=self.functions[WATCHER].arn,
            missed=missed,
            account=self.account,
        )

    def _add_monitoring(self) -> None:
        settings = self._settings
        alarms = Alarms(self, "Alarms", prefix=settings.prefix, account=self.account, mail=settings.alarm_mail)
        alarms.watch_absence(settings.prefix, WATCHER)
        for lob, machine in self._machines.items():
            alarms.watch_machine(lob, machine)
        alarms.watch_lag(function_name(settings, "settle_outbox"))
        # A step that fails is told by its state machine, which waits and tries again where that may help.
        for folder in (folder for folder in self.functions if folder not in STEPS.values()):
            alarms.watch_function(folder, function_name(settings, folder))
        alarms.watch_api(self._door.api_id)
        for name in self._queues:
            alarms.watch_queue(name, f"{settings.prefix}-{name}")
        Dashboard(
            self,
            "Dashboard",
            name=settings.prefix,
            alarms=alarms.every,
            machines=self._machines,
            functions=[function_name(settings, folder) for folder in self.functions],
            queues=[f"{settings.prefix}-{name}" for name in self._queues],
            api_id=self._door.api_id,
            watch_namespace=settings.prefix,
            watch_service=WATCHER,
        )
        CfnOutput(self, "AlarmTopic", value=alarms.topic.topic_arn)

    def _queue(self, construct_id: str, name: str, *, is_target_of: str = "") -> DeadLetters:
        self._queues.append(name)
        return DeadLetters(self, construct_id, name=f"{self._settings.prefix}-{name}", is_target_of=is_target_of)


def _pascal(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("_"))
