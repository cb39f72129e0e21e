"""Deploys a synthesized assembly into the emulator, with boto3 alone.

The template is the one AWS gets. What the emulator cannot take is listed in
`_why_left_out` and told to the caller; nothing else is dropped.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, WaiterError

from infra.local.assembly import AssemblyStack, FileAsset, read_assembly
from infra.local.errors import DeploymentFailed

ACCOUNT_ID: Final = "000000000000"
REGION: Final = "us-east-1"

NAMED_QUERY: Final = "AWS::Athena::NamedQuery"
LEFT_OUT: Final = {
    NAMED_QUERY: "created by API instead: the emulator's CloudFormation has no such type",
    "AWS::CDK::Metadata": "usage statistics of CDK, nothing to deploy",
}
_NO_METRIC_MATH: Final = "the emulator's CloudWatch knows no metric math"
_NO_PARAMETERS: Final[Mapping[str, str]] = {}
_CAPABILITIES: Final = ("CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND")


@dataclass(frozen=True)
class LeftOut:
    """A resource CloudFormation was not given."""

    stack_name: str
    logical_id: str
    resource_type: str
    reason: str


@dataclass(frozen=True)
class Deployment:
    """What a deployment did: outputs by stack, and the resources left out."""

    outputs: Mapping[str, Mapping[str, str]]
    left_out: tuple[LeftOut, ...]


def deploy(assembly_dir: Path, endpoint_url: str, *, parameters: Mapping[str, str] = _NO_PARAMETERS) -> Deployment:
    """Create or update every stack of an assembly.

    Args:
        assembly_dir: the `cdk.out` folder.
        endpoint_url: the local stack.
        parameters: template parameters; each stack takes those it declares.

    Raises:
        AssemblyInvalid: the assembly is incomplete.
        DeploymentFailed: a stack was refused; says which resource and why.
    """
    stacks = read_assembly(assembly_dir, account=ACCOUNT_ID, region=REGION)
    deployer = _Deployer(endpoint_url, parameters)
    for stack in stacks:
        deployer.deploy(stack)
    return Deployment(outputs=deployer.outputs, left_out=tuple(deployer.left_out))


class _Deployer:
    def __init__(self, endpoint_url: str, parameters: Mapping[str, str]) -> None:
        self._parameters = parameters
        self._cloudformation = _client("cloudformation", endpoint_url)
        self._s3 = _client("s3", endpoint_url)
        self._athena = _client("athena", endpoint_url)
        self.outputs: dict[str, dict[str, str]] = {}
        self.left_out: list[LeftOut] = []

    def deploy(self, stack: AssemblyStack) -> None:
        """Upload the assets, create or update the stack, then add what was left out."""
        for asset in stack.assets:
            self._upload(asset)
        template, removed = _without_left_out(stack)
        self.left_out.extend(removed)
        self._put_stack(stack.name, template)
        self.outputs[stack.name] = self._outputs_of(stack.name)
        for entry in removed:
            if entry.resource_type == NAMED_QUERY:
                self._put_named_query(stack, entry.logical_id)

    def _upload(self, asset: FileAsset) -> None:
        try:
            self._s3.head_object(Bucket=asset.bucket, Key=asset.key)
        except ClientError as missing:
            if missing.response["Error"]["Code"] not in ("404", "NoSuchBucket", "NoSuchKey"):
                raise
            self._s3.create_bucket(Bucket=asset.bucket)
            self._s3.put_object(Bucket=asset.bucket, Key=asset.key, Body=asset.content())

    def _put_stack(self, name: str, template: Mapping[str, Any]) -> None:
        declared = template.get("Parameters", {})
        request = {
            "StackName": name,
            "TemplateURL": self._put_template(name, template),
            "Capabilities": list(_CAPABILITIES),
            "Parameters": [
                {"ParameterKey": key, "ParameterValue": value}
                for key, value in self._parameters.items()
                if key in declared
            ],
        }
        exists = self._is_live(name)
        try:
            if exists:
                self._cloudformation.update_stack(**request)
            else:
                self._cloudformation.create_stack(**request)
        except ClientError as error:
            if "No updates are to be performed" in error.response["Error"]["Message"]:
                return
            raise DeploymentFailed(
                stack_name=name,
                status="refused",
                failures=[error.response["Error"]["Message"]],
            ) from error
        self._wait(name, "stack_update_complete" if exists else "stack_create_complete")

    def _put_template(self, name: str, template: Mapping[str, Any]) -> str:
        """Upload a template; one passed in the request may have 51,200 bytes only."""
        bucket, key = f"cdk-templates-{ACCOUNT_ID}-{REGION}", f"{name}.template.json"
        self._s3.create_bucket(Bucket=bucket)
        self._s3.put_object(Bucket=bucket, Key=key, Body=json.dumps(template).encode())
        return f"https://s3.{REGION}.amazonaws.com/{bucket}/{key}"

    def _is_live(self, name: str) -> bool:
        """Whether the stack can be updated; one whose creation failed is removed first."""
        try:
            status = self._cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
        except ClientError as error:
            if "does not exist" in error.response["Error"]["Message"]:
                return False
            raise
        if status in ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"):
            self._cloudformation.delete_stack(StackName=name)
            self._wait(name, "stack_delete_complete")
            return False
        return status != "DELETE_COMPLETE"

    def _wait(self, name: str, waiter: str) -> None:
        try:
            self._cloudformation.get_waiter(waiter).wait(
                StackName=name, WaiterConfig={"Delay": 0.1, "MaxAttempts": 1200}
            )
        except WaiterError as error:
            raise self._failure(name, str(error)) from error

    def _failure(self, name: str, message: str) -> DeploymentFailed:
        events = self._cloudformation.describe_stack_events(StackName=name)["StackEvents"]
        failures = [
            f"{event['LogicalResourceId']} ({event['ResourceType']}): {event['ResourceStatusReason']}"
            for event in reversed(events)
            if event["ResourceStatus"].endswith("_FAILED") and event.get("ResourceStatusReason")
        ]
        stacks = self._cloudformation.describe_stacks(StackName=name)["Stacks"]
        return DeploymentFailed(stack_name=name, status=stacks[0]["StackStatus"], failures=failures or [message])

    def _outputs_of(self, name: str) -> dict[str, str]:
        stack = self._cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        return {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])}

    def _put_named_query(self, stack: AssemblyStack, logical_id: str) -> None:
        """Create the named query, in the place of one of the same name."""
        properties = {
            key: self._resolved(stack, logical_id, value)
            for key, value in stack.template["Resources"][logical_id]["Properties"].items()
        }
        workgroup = properties.setdefault("WorkGroup", "primary")
        properties.setdefault("Name", logical_id)
        for page in self._athena.get_paginator("list_named_queries").paginate(WorkGroup=workgroup):
            for query_id in page["NamedQueryIds"]:
                query = self._athena.get_named_query(NamedQueryId=query_id)["NamedQuery"]
                if (query["Name"], query["Database"]) == (properties["Name"], properties["Database"]):
                    self._athena.delete_named_query(NamedQueryId=query_id)
        self._athena.create_named_query(**properties)

    def _resolved(self, stack: AssemblyStack, logical_id: str, value: Any) -> str:
        """A property's text: plain, a Ref, or a Join of both."""
        if isinstance(value, str):
            return value
        if isinstance(value, dict) and set(value) == {"Ref"}:
            return self._reference(stack.name, value["Ref"])
        if isinstance(value, dict) and set(value) == {"Fn::Join"}:
            separator, parts = value["Fn::Join"]
            return str(separator).join(self._resolved(stack, logical_id, part) for part in parts)
        raise DeploymentFailed(
            stack_name=stack.name,
            status="incomplete",
            failures=[f"{logical_id} ({NAMED_QUERY}): cannot resolve {json.dumps(value)}"],
        )

    def _reference(self, stack_name: str, name: str) -> str:
        pseudo = {"AWS::AccountId": ACCOUNT_ID, "AWS::Region": REGION, "AWS::Partition": "aws"}
        if name in pseudo:
            return pseudo[name]
        if name in self._parameters:
            return self._parameters[name]
        detail = self._cloudformation.describe_stack_resource(StackName=stack_name, LogicalResourceId=name)[
            "StackResourceDetail"
        ]
        physical: str = detail["PhysicalResourceId"]
        return physical


def _without_left_out(stack: AssemblyStack) -> tuple[dict[str, Any], list[LeftOut]]:
    """The template without the types the emulator does not take."""
    template = copy.deepcopy(dict(stack.template))
    resources = template.get("Resources", {})
    removed = [
        LeftOut(stack.name, logical_id, resource["Type"], reason)
        for logical_id, resource in resources.items()
        if (reason := _why_left_out(resource))
    ]
    gone = {entry.logical_id for entry in removed}
    for logical_id in gone:
        del resources[logical_id]
    for resource in resources.values():
        _forget_dependencies(resource, gone)
    return template, removed


def _why_left_out(resource: Mapping[str, Any]) -> str:
    """Why the emulator does not take a resource; empty if it does."""
    if resource["Type"] == "AWS::CloudWatch::Alarm" and "Metrics" in resource.get("Properties", {}):
        return _NO_METRIC_MATH
    return LEFT_OUT.get(resource["Type"], "")


def _forget_dependencies(resource: dict[str, Any], gone: set[str]) -> None:
    named = resource.get("DependsOn", [])
    kept = [each for each in ([named] if isinstance(named, str) else named) if each not in gone]
    if kept:
        resource["DependsOn"] = kept
    else:
        resource.pop("DependsOn", None)


def _client(service: str, endpoint_url: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=endpoint_url,
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}),
    )
