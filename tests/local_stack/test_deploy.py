"""Deploying a synthesized assembly.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-reference.html
"""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.local.deploy import Deployment, deploy
from infra.local.errors import AssemblyInvalid, DeploymentFailed
from tests.support.emulator import ROLE, Aws, unique

BUCKET = "cdk-hnb659fds-assets-${AWS::AccountId}-${AWS::Region}"
TOMORROW = dt.datetime.now(dt.UTC) + dt.timedelta(days=1)
MACHINE = {
    "StartAt": "Call",
    "States": {
        "Call": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": {"FunctionName": "${Fn}", "Payload.$": "$"},
            "OutputPath": "$.Payload",
            "End": True,
        }
    },
}


class Assembly:
    """A cdk.out, written as CDK writes it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.artifacts: dict[str, Any] = {}

    def stack(self, name: str, template: dict[str, Any], *after: str, **assets: str) -> None:
        template = {
            **template,
            "Parameters": {
                **template.get("Parameters", {}),
                "BootstrapVersion": {
                    "Type": "AWS::SSM::Parameter::Value<String>",
                    "Default": "/cdk-bootstrap/hnb659fds/version",
                },
            },
            "Rules": {"CheckBootstrapVersion": {"Assertions": []}},
            "Conditions": {"CDKMetadataAvailable": {"Fn::Equals": [{"Ref": "AWS::Region"}, "us-east-1"]}},
        }
        template["Resources"]["CDKMetadata"] = {
            "Type": "AWS::CDK::Metadata",
            "Properties": {"Analytics": "v2"},
            "Condition": "CDKMetadataAvailable",
        }
        self._json(f"{name}.template.json", template)
        files = {}
        for key, code in assets.items():
            source = self.folder / f"asset.{key}"
            source.mkdir(parents=True, exist_ok=True)
            (source / "h.py").write_text(code)
            files[key] = {
                "source": {"path": source.name, "packaging": "zip"},
                "destinations": {"current": {"bucketName": BUCKET, "objectKey": f"{key}.zip"}},
            }
        self._json(f"{name}.assets.json", {"version": "48.0.0", "files": files})
        self.artifacts[f"{name}.assets"] = {
            "type": "cdk:asset-manifest",
            "properties": {"file": f"{name}.assets.json"},
        }
        self.artifacts[name] = {
            "type": "aws:cloudformation:stack",
            "properties": {"templateFile": f"{name}.template.json"},
            "dependencies": [*after, f"{name}.assets"],
        }
        self._json("manifest.json", {"version": "48.0.0", "artifacts": self.artifacts})

    def _json(self, name: str, content: object) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_text(json.dumps(content))


def sample(folder: Path, *, version: int, prefix: str) -> Assembly:
    """Data and pipeline: an export, a table with a stream, a function, a machine, a schedule, a query."""
    data = {
        "Resources": {
            "Results": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": f"{prefix}-results"}},
            "Group": {
                "Type": "AWS::Athena::WorkGroup",
                "Properties": {
                    "Name": f"{prefix}-group",
                    "WorkGroupConfiguration": {
                        "EnforceWorkGroupConfiguration": True,
                        "ResultConfiguration": {
                            "OutputLocation": {"Fn::Join": ["", ["s3://", {"Ref": "Results"}, "/"]]}
                        },
                    },
                },
            },
            "Query": {
                "Type": "AWS::Athena::NamedQuery",
                "DependsOn": ["Group"],
                "Properties": {
                    "Name": "version",
                    "Database": "default",
                    "QueryString": f"SELECT {version} AS v",
                    "WorkGroup": {"Ref": "Group"},
                },
            },
            "Table": {
                "Type": "AWS::DynamoDB::Table",
                "Properties": {
                    "BillingMode": "PAY_PER_REQUEST",
                    "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
                    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
                },
            },
        },
        "Outputs": {
            "TableName": {"Value": {"Ref": "Table"}, "Export": {"Name": f"{prefix}:table"}},
        },
    }
    function = {
        "Type": "AWS::Lambda::Function",
        "DependsOn": ["CDKMetadata"],
        "Properties": {
            "FunctionName": f"{prefix}-fn",
            "Runtime": "python3.13",
            "Handler": "h.handler",
            "Role": ROLE,
            "Code": {"S3Bucket": {"Fn::Sub": BUCKET}, "S3Key": f"code{version}.zip"},
            "Environment": {
                "Variables": {
                    "TABLE": {"Fn::ImportValue": f"{prefix}:table"},
                    "ISSUER": {"Ref": "IssuerUrl"},
                }
            },
        },
    }
    pipeline = {
        "Parameters": {"IssuerUrl": {"Type": "String"}},
        "Resources": {
            "Fn": function,
            "Machine": {
                "Type": "AWS::StepFunctions::StateMachine",
                "Properties": {
                    "StateMachineName": f"{prefix}-machine",
                    "RoleArn": ROLE,
                    "DefinitionString": json.dumps(MACHINE),
                    "DefinitionSubstitutions": {"Fn": {"Fn::GetAtt": ["Fn", "Arn"]}},
                },
            },
            "Schedule": {
                "Type": "AWS::Scheduler::Schedule",
                "Properties": {
                    "Name": f"{prefix}-schedule",
                    "ScheduleExpression": "cron(0 6 3 * ? *)",
                    "ScheduleExpressionTimezone": "America/Chicago",
                    "FlexibleTimeWindow": {"Mode": "OFF"},
                    "Target": {"Arn": {"Ref": "Machine"}, "RoleArn": ROLE},
                },
            },
        },
        "Outputs": {"MachineArn": {"Value": {"Ref": "Machine"}}},
    }
    code = f"import os\ndef handler(e, c):\n    return [{version}, os.environ['ISSUER'], os.environ['TABLE']]\n"
    assembly = Assembly(folder)
    # Listed first on purpose: the order comes from the dependencies.
    assembly.stack(f"{prefix}-pipeline", pipeline, f"{prefix}-data", **{f"code{version}": code})
    assembly.stack(f"{prefix}-data", data)
    return assembly


def deployed(aws: Aws, assembly: Assembly) -> Deployment:
    return deploy(assembly.folder, aws.stack.endpoint_url, parameters={"IssuerUrl": "http://127.0.0.1:1"})


def test_an_assembly_is_deployed_updated_and_repeated(aws: Aws, tmp_path: Path) -> None:
    first = deployed(aws, sample(tmp_path / "one", version=1, prefix="sample"))
    machine = first.outputs["sample-pipeline"]["MachineArn"]
    table = first.outputs["sample-data"]["TableName"]
    assert json.loads(aws.ended(aws.start(machine))["output"]) == [1, "http://127.0.0.1:1", table]

    second = sample(tmp_path / "two", version=2, prefix="sample")
    assert deployed(aws, second).outputs == first.outputs
    assert json.loads(aws.ended(aws.start(machine))["output"])[0] == 2
    assert deployed(aws, second).outputs == first.outputs

    left_out = {(each.logical_id, each.resource_type) for each in first.left_out}
    assert left_out == {("Query", "AWS::Athena::NamedQuery"), ("CDKMetadata", "AWS::CDK::Metadata")}
    athena = aws.client("athena")
    queries = athena.list_named_queries(WorkGroup="sample-group")["NamedQueryIds"]
    stored = [athena.get_named_query(NamedQueryId=each)["NamedQuery"] for each in queries]
    assert [each["QueryString"] for each in stored] == ["SELECT 2 AS v"]
    schedule = aws.client("scheduler").get_schedule(Name="sample-schedule")
    assert schedule["ScheduleExpressionTimezone"] == "America/Chicago"


def broken(folder: Path, resource: dict[str, Any], name: str) -> Assembly:
    assembly = Assembly(folder)
    assembly.stack(name, {"Resources": {"Broken": resource}})
    return assembly


def test_a_refused_resource_is_named_with_its_reason(aws: Aws, tmp_path: Path) -> None:
    definition = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "Nowhere"}}})
    properties = {"RoleArn": ROLE, "DefinitionString": definition}
    resource = {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}
    with pytest.raises(DeploymentFailed, match=r"Broken.*Missing 'Next' target: Nowhere"):
        deployed(aws, broken(tmp_path / "bad", resource, "refused"))
    good = {**properties, "DefinitionString": '{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}'}
    deployed(aws, broken(tmp_path / "good", {**resource, "Properties": good}, "refused"))


def test_an_unknown_resource_type_is_named(aws: Aws, tmp_path: Path) -> None:
    resource = {"Type": "AWS::Moon::Base", "Properties": {}}
    with pytest.raises(DeploymentFailed, match="AWS::Moon::Base"):
        deployed(aws, broken(tmp_path, resource, "moon"))


def test_a_wrong_schedule_fails_its_stack(aws: Aws, tmp_path: Path) -> None:
    properties = {
        "ScheduleExpression": "rate(1 day)",
        "ScheduleExpressionTimezone": "Mars/Olympus",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {"Arn": "arn:aws:states:us-east-1:000000000000:stateMachine:m", "RoleArn": ROLE},
    }
    with pytest.raises(DeploymentFailed, match="Mars/Olympus"):
        deployed(aws, broken(tmp_path, {"Type": "AWS::Scheduler::Schedule", "Properties": properties}, "mars"))


def test_an_empty_folder_says_synthesize_first(aws: Aws, tmp_path: Path) -> None:
    with pytest.raises(AssemblyInvalid, match="synthesize first"):
        deployed(aws, Assembly(tmp_path))


def test_a_missing_asset_is_named(aws: Aws, tmp_path: Path) -> None:
    assembly = sample(tmp_path, version=3, prefix="missing")
    (tmp_path / "asset.code3" / "h.py").unlink()
    (tmp_path / "asset.code3").rmdir()
    with pytest.raises(AssemblyInvalid, match=r"asset\.code3"):
        deployed(aws, assembly)


@pytest.mark.parametrize("retention", [None, {"Mode": "COMPLIANCE", "Days": 1}])
def test_a_templates_bucket_is_locked(aws: Aws, tmp_path: Path, retention: dict[str, Any] | None) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-s3-bucket.html."""
    name = unique("audit")
    configuration: dict[str, Any] = {"ObjectLockEnabled": "Enabled"}
    if retention:
        configuration["Rule"] = {"DefaultRetention": retention}
    properties = {"BucketName": name, "ObjectLockEnabled": True, "ObjectLockConfiguration": configuration}
    resource = {"Type": "AWS::S3::Bucket", "Properties": properties}
    s3 = aws.client("s3")
    for tags in ([], [{"Key": "stage", "Value": "local"}]):
        tagged = {**resource, "Properties": {**properties, "Tags": tags}}
        deployed(aws, broken(tmp_path / f"tags-{len(tags)}", tagged, name))
        lock = {} if retention else {"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": TOMORROW}
        version = s3.put_object(Bucket=name, Key="000000000001.json", Body=b"{}", **lock)["VersionId"]
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.delete_object(Bucket=name, Key="000000000001.json", VersionId=version)
