"""Who may do what, read from the templates: granted is what the design says, and nothing beside it."""

import json
from collections.abc import Iterable
from typing import Any

import pytest
from fivetier.domain.tiers import Lob

from infra.stacks.function_table import FUNCTIONS, FunctionSpec, Need
from infra.stacks.pipeline import STEPS
from tests.infra.assembly import Assembly, Right, flat, rights
from tests.infra.conftest import SENDER

FOLDERS = [spec.name for spec in FUNCTIONS]
STAGING_STEPS = ["normalize_feed", "resolve_hierarchy", "reconcile_candidate", "freeze_candidate"]
WRITES_OBJECTS = {"s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutObjectRetention"}
READS = ("Get", "List", "Describe", "BatchGet")
WRITES_ITEMS = {"dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:ConditionCheckItem"}
USES_ITEMS = {*WRITES_ITEMS, "dynamodb:GetItem", "dynamodb:Query"}
OF_TOKENS = json.dumps({"ForAnyValue:StringLike": {"dynamodb:LeadingKeys": ["TOKEN#*"]}})

#: Resources with a wildcard, as far as they are named, and why they cannot be named further.
WILDCARDS = {
    "*": "X-Ray, CloudWatch's log delivery and dynamodb:ListStreams know no resources",
    "-landing-/landing/*": "files are named by who lands them",
    "-staging-/staging/*": "objects are named after the run",
    "-staging-/staging/*/report.json": "reports are named after the run",
    "-staging-/quarantine/*": "objects are named after the run",
    "-lake-/lake/*": "objects are named after the release",
    "-lake-/lake/*/metadata/*": "metadata files of Iceberg are named at random, in a folder per table",
    "-lake-/lake/release/*": "files of Iceberg are named at random",
    "-lake-/lake/release_month/*": "files of Iceberg are named at random",
    "-audit-/audit/*": "objects are named after LOB and place in the chain",
    "-athena-results-/production/*": "results are named after the query",
    **{f"execution:fivetier-prod-{lob.value}:*": "executions are named after the run" for lob in Lob},
    "table/fivetier_prod_staging/tmp_*": "staged tables are named after the month",
}
#: Actions that may be asked for on every resource, because AWS defines no resource for them.
WITHOUT_RESOURCE = {
    "dynamodb:ListStreams",
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
}


def _allowed(found: Iterable[Right]) -> list[Right]:
    return [right for right in found if not right.is_denied]


def _who_may(assembly: Assembly, action: str, resource: str = "") -> set[str]:
    """Folders of the functions that may do an action on a resource whose ARN holds `resource`."""
    return {
        folder
        for folder in FOLDERS
        for right in _allowed(assembly.rights_of_function(folder))
        if right.action == action and resource in right.resource
    }


def test_no_policy_allows_an_action_with_a_wildcard(assembly: Assembly) -> None:
    for policy, found in assembly.policies.items():
        assert not [right.action for right in _allowed(found) if "*" in right.action], policy


def test_no_role_has_rights_that_are_not_written_out_here(assembly: Assembly) -> None:
    """AWS's managed policies are full of wildcards, and change without us."""
    for role, properties in assembly.of_type("AWS::IAM::Role").items():
        assert not {"ManagedPolicyArns", "Policies"} & properties.keys(), role
    for policy in assembly.of_type("AWS::IAM::Policy").values():
        for statement in policy["PolicyDocument"]["Statement"]:
            assert not {"NotAction", "NotResource"} & statement.keys(), statement


def test_every_wildcard_resource_is_listed_with_its_reason(assembly: Assembly) -> None:
    found = {
        right.resource for policy in assembly.policies.values() for right in _allowed(policy) if "*" in right.resource
    }
    account = "<AWS::AccountId>-<AWS::Region>"
    shortened = {resource.replace(account, "").split("fivetier-prod", 1)[-1] for resource in found if "s3" in resource}
    shortened |= {resource.split("<AWS::AccountId>:", 1)[-1] for resource in found if "s3" not in resource}
    assert shortened == set(WILDCARDS)


def test_only_actions_without_resources_are_allowed_on_everything(assembly: Assembly) -> None:
    every = [right for policy in assembly.policies.values() for right in _allowed(policy)]
    assert {right.action for right in every if right.resource == "*"} == WITHOUT_RESOURCE


def test_every_role_serves_one_service_only(assembly: Assembly) -> None:
    for role, properties in assembly.of_type("AWS::IAM::Role").items():
        (statement,) = properties["AssumeRolePolicyDocument"]["Statement"]
        service = statement["Principal"]["Service"]
        assert service in {"lambda.amazonaws.com", "states.amazonaws.com", "scheduler.amazonaws.com"}, role


def test_no_two_functions_share_a_role(assembly: Assembly) -> None:
    roles = [flat(assembly.functions[folder]["Role"]) for folder in FOLDERS]
    assert len(set(roles)) == len(FOLDERS)


def test_only_the_publisher_writes_the_lake(assembly: Assembly) -> None:
    assert _who_may(assembly, "s3:PutObject", "-lake-") == {"publish_release"}
    for action in ("glue:CreateTable", "glue:UpdateTable"):
        assert _who_may(assembly, action, "/fivetier_prod/") == {"publish_release"}


def test_nobody_deletes_what_is_published_or_audited_or_landed(assembly: Assembly) -> None:
    deleting = {
        (right.action, right.resource)
        for policy in assembly.policies.values()
        for right in _allowed(policy)
        if "Delete" in right.action and right.action not in WITHOUT_RESOURCE
    }
    assert {action for action, _ in deleting} == {"dynamodb:DeleteItem"}


def test_a_deleted_item_is_an_outbox_event_that_reached_the_chain(assembly: Assembly) -> None:
    assert _who_may(assembly, "dynamodb:DeleteItem") == {"settle_outbox", "publish_release"}


@pytest.mark.parametrize("folder", STAGING_STEPS)
def test_staging_steps_have_no_write_on_the_lake(assembly: Assembly, folder: str) -> None:
    for right in _allowed(assembly.rights_of_function(folder)):
        if "-lake-" in right.resource or "/fivetier_prod" in right.resource.replace("fivetier_prod_staging", ""):
            assert right.action.split(":")[1].startswith(READS), right


def test_refused_rows_are_written_and_read_where_they_are_made_and_counted(assembly: Assembly) -> None:
    writers, readers = {"normalize_feed", "resolve_hierarchy"}, {"resolve_hierarchy", "reconcile_candidate"}
    assert _who_may(assembly, "s3:PutObject", "/quarantine/") == writers
    assert _who_may(assembly, "s3:GetObject", "/quarantine/") == readers


def test_staged_tables_are_made_by_freezing_only(assembly: Assembly) -> None:
    for action in ("glue:CreateTable", "glue:CreatePartition", "glue:BatchUpdatePartition"):
        assert _who_may(assembly, action, "fivetier_prod_staging/tmp_*") == {"freeze_candidate"}


def test_only_the_resumer_sends_tasks_back_and_only_to_our_machines(assembly: Assembly) -> None:
    for action in ("states:SendTaskSuccess", "states:SendTaskFailure"):
        assert _who_may(assembly, action) == {"settle_outbox"}
        found = [r.resource for r in assembly.rights_of_function("settle_outbox") if r.action == action]
        assert {r.rpartition(":stateMachine:fivetier-prod-")[2] for r in found} == {lob.value for lob in Lob}


@pytest.mark.parametrize("spec", FUNCTIONS, ids=FOLDERS)
def test_a_function_does_with_items_what_the_table_of_functions_says(assembly: Assembly, spec: FunctionSpec) -> None:
    found = [
        r for r in _allowed(assembly.rights_of_function(spec.name)) if r.resource.endswith("table/fivetier-prod-ops")
    ]
    assert sorted(right.action for right in found) == sorted(spec.items.actions)
    kinds = [f"{kind}#*" for kind in sorted(spec.items.of)]
    condition = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": kinds}}
    assert {right.condition for right in found} == {json.dumps(condition)}
    assert ("TOKEN" in spec.items.of) == (spec.name == "settle_outbox")


def test_no_function_but_the_resumer_reaches_the_tokens_and_it_only_reads_them(assembly: Assembly) -> None:
    for folder in FOLDERS:
        denied = [right for right in assembly.rights_of_function(folder) if right.is_denied]
        assert {right.action for right in denied} == (WRITES_ITEMS if folder == "settle_outbox" else USES_ITEMS), folder
        assert {right.condition for right in denied} == {OF_TOKENS}, folder
        assert {right.resource for right in denied} == {denied[0].resource}
        assert denied[0].resource.endswith("table/fivetier-prod-ops")
        on_table = {r.action for r in _allowed(assembly.rights_of_function(folder)) if r.resource == denied[0].resource}
        assert on_table <= USES_ITEMS, f"{folder}: an action that is allowed on the table must be denied on the tokens"


def test_mail_is_sent_by_one_function_from_one_address(assembly: Assembly) -> None:
    senders = {
        policy: right
        for policy, found in assembly.policies.items()
        for right in _allowed(found)
        if right.action.startswith("ses:")
    }
    assert len(senders) == 1
    found = [right for right in assembly.rights_of_function("send_mail") if right.action.startswith("ses:")]
    assert {right.action for right in found} == {"ses:SendEmail"}
    identities = "arn:<AWS::Partition>:ses:<AWS::Region>:<AWS::AccountId>:identity/"
    # SES checks the identity that was verified: the address, or the domain it belongs to.
    assert {right.resource.removeprefix(identities) for right in found} == {SENDER, SENDER.partition("@")[2]}
    assert {right.condition for right in found} == {json.dumps({"StringEquals": {"ses:FromAddress": SENDER}})}


def test_the_mail_function_reads_reports_and_records_and_nothing_else(assembly: Assembly) -> None:
    found = _allowed(assembly.rights_of_function("send_mail"))
    of_s3 = {(right.action, right.resource.partition("/")[2]) for right in found if right.action.startswith("s3:")}
    assert of_s3 == {("s3:GetObject", "staging/*/report.json")}
    services = {right.action.partition(":")[0] for right in found}
    # sqs: only to set a record aside that could not be mailed.
    assert services == {"dynamodb", "kms", "logs", "s3", "ses", "sqs", "xray"}
    writes = {right.action for right in found if right.action in WRITES_ITEMS}
    assert "dynamodb:DeleteItem" not in writes


def test_nobody_reads_execution_history_where_the_token_also_stands(assembly: Assembly) -> None:
    actions = {right.action for policy in assembly.policies.values() for right in policy}
    assert "states:GetExecutionHistory" not in actions


def test_the_audit_chain_is_appended_by_settling_and_before_publishing(assembly: Assembly) -> None:
    """publish_release settles the outbox itself, so that no publication waits for, or outruns, the chain."""
    for action in ("s3:PutObject", "s3:PutObjectRetention"):
        assert _who_may(assembly, action, "-audit-") == {"settle_outbox", "publish_release"}


def test_executions_are_started_by_the_calendar_the_hourly_look_and_the_api_only(assembly: Assembly) -> None:
    assert _who_may(assembly, "states:StartExecution") == {"start_refresh", "watch_runs", "serve_api"}
    assert _who_may(assembly, "states:DescribeExecution") == {"close_run"}


@pytest.mark.parametrize("folder", ["serve_api", "serve_pages"])
def test_what_people_call_writes_no_object_and_sends_no_task(assembly: Assembly, folder: str) -> None:
    actions = {right.action for right in _allowed(assembly.rights_of_function(folder))}
    assert not actions & (WRITES_OBJECTS | {"states:SendTaskSuccess", "states:SendTaskFailure", "dynamodb:DeleteItem"})


def test_landed_files_are_read_never_written(assembly: Assembly) -> None:
    found = {
        right.action
        for policy in assembly.policies.values()
        for right in _allowed(policy)
        if "-landing-" in right.resource
    }
    assert found == {"s3:GetObjectVersion", "s3:ListBucketVersions"}


def test_a_state_machine_invokes_its_steps_and_writes_ask_and_token(assembly: Assembly) -> None:
    machines = assembly.of_type("AWS::StepFunctions::StateMachine").values()
    assert len({flat(machine["RoleArn"]) for machine in machines}) == len(Lob)
    for machine in machines:
        _check_machine(assembly, machine)


def _check_machine(assembly: Assembly, machine: dict[str, Any]) -> None:
    found = [
        right
        for right in assembly.rights_of_role(machine["RoleArn"]["Fn::GetAtt"][0])
        if right.action not in WITHOUT_RESOURCE
    ]
    assert {r.action for r in found} == {
        "lambda:InvokeFunction",
        "dynamodb:UpdateItem",
        "dynamodb:PutItem",
        "kms:Decrypt",
        "kms:GenerateDataKey",
    }
    invoked = {right.resource for right in found if right.action == "lambda:InvokeFunction"}
    substituted = machine["DefinitionSubstitutions"]
    assert invoked == {flat(substituted[placeholder]) for placeholder in STEPS}
    for write in (right for right in found if right.action.startswith("dynamodb:")):
        assert write.resource.endswith("table/fivetier-prod-ops")
        keys = ["RUN#*", "TOKEN#*"]
        assert json.loads(write.condition) == {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": keys}}


def test_the_calendar_may_start_refreshes_and_nothing_else(assembly: Assembly) -> None:
    roles = {flat(s["Target"]["RoleArn"]) for s in assembly.of_type("AWS::Scheduler::Schedule").values()}
    assert len(roles) == 2
    for role, called in zip(sorted(roles), ("StartRefresh", "WatchRuns"), strict=True):
        found = assembly.rights_of_role(role.strip("<>").split(".")[0])
        assert {right.action for right in found} == {"lambda:InvokeFunction", "sqs:SendMessage"}
        assert [called in right.resource for right in found if right.action == "lambda:InvokeFunction"] == [True]


def test_who_watches_starts_what_landed_late_and_reads_no_candidate(assembly: Assembly) -> None:
    found = _allowed(assembly.rights_of_function("watch_runs"))
    assert not [right for right in found if right.action.startswith(("glue:", "ses:", "s3:Put", "s3:Del"))]
    on_machines = {right.action for right in found if right.action.startswith("states:")}
    assert on_machines == {"states:StartExecution"}
    assert {r.resource.partition("/")[2] for r in found if r.action.startswith("s3:Get")} == {"landing/*"}


def test_analysts_read_views_and_the_tables_behind_them(assembly: Assembly) -> None:
    (policy,) = assembly.of_type("AWS::IAM::ManagedPolicy").values()
    found = list(rights(policy["PolicyDocument"]))
    on_lake = {right.action for right in found if "-lake-" in right.resource}
    assert on_lake == {"s3:GetBucketLocation", "s3:GetObject", "s3:ListBucket"}
    glue = {right.action for right in found if right.action.startswith("glue:")}
    assert all(action.split(":")[1].startswith("Get") for action in glue)
    tables = {right.resource.rsplit("/", 1)[1] for right in found if ":table/fivetier_prod/" in right.resource}
    assert {"v_hierarchy", "v_hierarchy_history", "v_plan_path", "v_release"} <= tables
    assert not [right for right in found if "staging" in right.resource or "-audit-" in right.resource]


def test_every_need_has_somebody_who_has_it() -> None:
    assert {need for spec in FUNCTIONS for need in spec.needs} == set(Need)


def test_every_function_that_touches_encrypted_data_may_use_the_key_and_no_other(assembly: Assembly) -> None:
    for folder in FOLDERS:
        keys = {r.resource for r in assembly.rights_of_function(folder) if r.action.startswith("kms:")}
        assert len(keys) == 1, folder
