"""What is kept: closed, encrypted, versioned, and not gone by accident."""

import pytest

from tests.infra.assembly import Assembly, flat, rights

KINDS = ["landing", "staging", "lake", "audit", "athena-results", "access-logs"]


@pytest.fixture(scope="module")
def buckets(assembly: Assembly) -> dict[str, dict]:
    suffix = "-<AWS::AccountId>-<AWS::Region>"
    found = assembly.by_name("AWS::S3::Bucket", "BucketName")
    return {name.removesuffix(suffix): properties for name, properties in found.items()}


def test_these_buckets_and_no_others_exist(buckets: dict[str, dict]) -> None:
    assert set(buckets) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_every_bucket_is_closed_versioned_and_encrypted(buckets: dict[str, dict], kind: str) -> None:
    bucket = buckets[kind]
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    encryption = rule["ServerSideEncryptionByDefault"]
    # S3 delivers access logs into buckets under its own encryption only.
    assert encryption["SSEAlgorithm"] == ("AES256" if kind == "access-logs" else "aws:kms")
    if kind != "access-logs":
        assert "Key" in flat(encryption["KMSMasterKeyID"])
        assert bucket["LoggingConfiguration"]["DestinationBucketName"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_bucket_refuses_plain_http(assembly: Assembly, kind: str) -> None:
    ids = {k for k, p in assembly.of_type("AWS::S3::Bucket").items() if f"-{kind}-" in flat(p["BucketName"])}
    (policy,) = [p for p in assembly.of_type("AWS::S3::BucketPolicy").values() if flat(p["Bucket"]).strip("<>") in ids]
    denied = [
        right
        for right in rights(policy["PolicyDocument"])
        if right.is_denied and "aws:SecureTransport" in right.condition
    ]
    assert {right.action for right in denied} == {"s3:*"}


def test_the_audit_bucket_cannot_be_changed_afterwards(assembly: Assembly, buckets: dict[str, dict]) -> None:
    audit = buckets["audit"]
    assert audit["ObjectLockEnabled"] is True
    # Six years, and not GOVERNANCE, which can be bypassed (RELIABILITY §4.2).
    assert audit["ObjectLockConfiguration"]["Rule"]["DefaultRetention"] == {"Days": 2192, "Mode": "COMPLIANCE"}
    assert all("Expiration" not in str(rule) for rule in audit["LifecycleConfiguration"]["Rules"])
    policies = assembly.of_type("AWS::S3::BucketPolicy").values()
    conditional = [r for p in policies for r in rights(p["PolicyDocument"]) if "s3:if-none-match" in r.condition]
    assert [(right.action, right.is_denied) for right in conditional] == [("s3:PutObject", True)]
    assert "-audit-" in conditional[0].resource


def test_only_candidates_results_and_access_logs_expire(buckets: dict[str, dict]) -> None:
    expiring = {
        kind: rule["ExpirationInDays"]
        for kind, bucket in buckets.items()
        for rule in bucket["LifecycleConfiguration"]["Rules"]
        if "ExpirationInDays" in rule
    }
    assert expiring == {"staging": 2192, "athena-results": 30, "access-logs": 366}


def test_the_keys_rotate(assembly: Assembly) -> None:
    keys = assembly.of_type("AWS::KMS::Key").values()
    assert [key["EnableKeyRotation"] for key in keys] == [True, True]


def test_the_table_keeps_everything_and_can_go_back(assembly: Assembly) -> None:
    (table,) = assembly.of_type("AWS::DynamoDB::Table").values()
    assert "TimeToLiveSpecification" not in table, "a TTL that decides about a lock or a commit loses data"
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["SSESpecification"]["SSEType"] == "KMS"
    assert table["StreamSpecification"] == {"StreamViewType": "KEYS_ONLY"}
    assert table["DeletionProtectionEnabled"] is True
    assert [key["AttributeName"] for key in table["KeySchema"]] == ["pk", "sk"]
    (index,) = table["GlobalSecondaryIndexes"]
    assert index["IndexName"] == "by_lob"
    assert [key["AttributeName"] for key in index["KeySchema"]] == ["lob", "started_at"]


def test_data_outlives_its_stack(assembly: Assembly) -> None:
    for name, resource in assembly.templates["data"]["Resources"].items():
        if resource["Type"] not in ("AWS::S3::BucketPolicy", "AWS::KMS::Alias"):
            assert resource["DeletionPolicy"] == "RetainExceptOnCreate", name
            assert resource["UpdateReplacePolicy"] == "Retain", name


def test_prod_refuses_to_delete_the_data_stack(assembly: Assembly) -> None:
    import json

    manifest = json.loads((assembly.folder / "manifest.json").read_text(encoding="utf-8"))
    protected = {
        name: artifact["properties"].get("terminationProtection", False)
        for name, artifact in manifest["artifacts"].items()
        if artifact["type"] == "aws:cloudformation:stack"
    }
    assert protected == {"fivetier-prod-data": True, "fivetier-prod-pipeline": False, "fivetier-prod-query": False}


def test_databases_lie_in_their_own_buckets(assembly: Assembly) -> None:
    found = {
        p["DatabaseInput"]["Name"]: flat(p["DatabaseInput"]["LocationUri"])
        for p in assembly.of_type("AWS::Glue::Database").values()
    }
    bucket = "s3://fivetier-prod-{}-<AWS::AccountId>-<AWS::Region>/{}"
    assert found == {
        "fivetier_prod": bucket.format("lake", "lake"),
        "fivetier_prod_staging": bucket.format("staging", "staging"),
    }
