"""A bucket as all of ours are: encrypted with our key, TLS only, closed to the public, versioned, access logged."""

from collections.abc import Sequence

from aws_cdk import Aws, Duration, RemovalPolicy
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

#: An upload that was never finished is nobody's evidence.
_ABANDONED_UPLOAD = s3.LifecycleRule(id="abandoned-uploads", abort_incomplete_multipart_upload_after=Duration.days(7))


def bucket_name(prefix: str, kind: str) -> str:
    """Physical name of a bucket: known without a reference, so no stack holds another one in place."""
    return f"{prefix}-{kind}-{Aws.ACCOUNT_ID}-{Aws.REGION}"


def bucket_arn(name: str, path: str = "") -> str:
    """ARN of a bucket, or of objects in it."""
    return f"arn:{Aws.PARTITION}:s3:::{name}{f'/{path}' if path else ''}"


class AccessLogBucket(s3.Bucket):
    """Where the other buckets log who read and wrote. S3 delivers these logs only under its own encryption."""

    def __init__(self, scope: Construct, construct_id: str, *, name: str, removal_policy: RemovalPolicy) -> None:
        super().__init__(
            scope,
            construct_id,
            bucket_name=name,
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            versioned=True,
            lifecycle_rules=[
                s3.LifecycleRule(
                    id="one-year", expiration=Duration.days(366), noncurrent_version_expiration=Duration.days(30)
                ),
                _ABANDONED_UPLOAD,
            ],
            removal_policy=removal_policy,
        )


class PrivateBucket(s3.Bucket):
    """A bucket of ours."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        key: kms.IKey,
        access_logs: s3.IBucket,
        removal_policy: RemovalPolicy,
        lifecycle_rules: Sequence[s3.LifecycleRule] = (),
        locked_days: int | None = None,
    ) -> None:
        """Create it.

        Args:
            scope: parent.
            construct_id: id; also the folder of its access logs.
            name: physical name.
            key: key every object is encrypted with.
            access_logs: bucket that takes the access logs.
            removal_policy: what becomes of it when its stack is deleted.
            lifecycle_rules: what expires when, beside unfinished uploads.
            locked_days: Object Lock in COMPLIANCE mode for that long; nobody, root included, can shorten it.
        """
        lock = None if locked_days is None else s3.ObjectLockRetention.compliance(Duration.days(locked_days))
        super().__init__(
            scope,
            construct_id,
            bucket_name=name,
            encryption=s3.BucketEncryption.KMS,
            encryption_key=key,
            bucket_key_enabled=True,
            enforce_ssl=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            versioned=True,
            server_access_logs_bucket=access_logs,
            server_access_logs_prefix=f"{construct_id.lower()}/",
            object_lock_enabled=lock is not None or None,
            object_lock_default_retention=lock,
            lifecycle_rules=[*lifecycle_rules, _ABANDONED_UPLOAD],
            removal_policy=removal_policy,
        )
