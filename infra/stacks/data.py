"""What must survive everything else: buckets, the operations table, the key, the Glue databases, the people."""

from aws_cdk import CfnOutput, Duration, RemovalPolicy, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_glue as glue
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.constructs.people import People
from infra.constructs.private_bucket import AccessLogBucket, PrivateBucket, bucket_arn, bucket_name
from infra.settings import StageSettings
from infra.stacks.names import DataNames


class DataStack(Stack):
    """Data of one stage. Other stacks know it by the names in `DataNames`, by its key, its stream and its people."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: StageSettings, env: dict[str, str]) -> None:
        super().__init__(
            scope,
            construct_id,
            env=env,
            description="fivetier: landed files, candidates, the published lake, the audit chain and the run records",
            termination_protection=settings.protect_from_deletion,
        )
        self._settings = settings
        self._names = DataNames.of(settings)
        # A first deployment that fails takes its empty resources away again, or their names would bar the next one.
        keep = RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE
        self._removal = keep if settings.retain_data else RemovalPolicy.DESTROY
        self.key = kms.Key(
            self,
            "Key",
            alias=f"{settings.prefix}-data",
            description="fivetier: everything stored",
            enable_key_rotation=True,
            removal_policy=self._removal,
        )
        self._add_buckets()
        self.table = self._add_table()
        self._add_databases()
        self.people = self._add_people() if settings.makes_user_pool else None
        self._add_outputs()

    def _add_buckets(self) -> None:
        names, settings = self._names, self._settings
        logs = AccessLogBucket(
            self,
            "AccessLogs",
            name=bucket_name(settings.prefix, "access-logs"),
            removal_policy=self._removal,
        )
        common = {"key": self.key, "access_logs": logs, "removal_policy": self._removal}
        PrivateBucket(self, "Landing", name=names.landing_bucket, **common)
        PrivateBucket(
            self,
            "Staging",
            name=names.staging_bucket,
            lifecycle_rules=[_expire("evidence", settings.staging_retention_days)],
            **common,
        )
        PrivateBucket(self, "Lake", name=names.lake_bucket, **common)
        PrivateBucket(
            self,
            "Results",
            name=names.results_bucket,
            lifecycle_rules=[_expire("results", settings.results_retention_days)],
            **common,
        )
        audit = PrivateBucket(
            self,
            "Audit",
            name=names.audit_bucket,
            locked_days=settings.audit_retention_days,
            **common,
        )
        _demand_conditional_writes(audit, names.audit_bucket)

    def _add_table(self) -> dynamodb.Table:
        """Runs, leases, asks, decisions and the outbox. No TTL: nothing here ends because a clock says so."""
        table = dynamodb.Table(
            self,
            "Ops",
            table_name=self._names.ops_table,
            partition_key=dynamodb.Attribute(name="pk", type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name="sk", type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED,
            encryption_key=self.key,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            # Whoever follows the stream may read all of it: it names what changed and holds no item, hence no token.
            stream=dynamodb.StreamViewType.KEYS_ONLY,
            deletion_protection=self._settings.protect_from_deletion,
            removal_policy=self._removal,
        )
        table.add_global_secondary_index(
            index_name=DataNames.RUNS_INDEX,
            partition_key=dynamodb.Attribute(name="lob", type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name="started_at", type=dynamodb.AttributeType.STRING),
            projection_type=dynamodb.ProjectionType.ALL,
        )
        return table

    def _add_databases(self) -> None:
        names = self._names
        for construct_id, name, location, meaning in (
            ("LakeDatabase", names.lake_database, f"s3://{names.lake_bucket}/lake", "published releases"),
            ("StagingDatabase", names.staging_database, f"s3://{names.staging_bucket}/staging", "candidates to sign"),
        ):
            glue.CfnDatabase(
                self,
                f"Glue{construct_id}",
                catalog_id=self.account,
                database_input=glue.CfnDatabase.DatabaseInputProperty(
                    name=name, description=f"fivetier: {meaning}", location_uri=location
                ),
            ).apply_removal_policy(self._removal)

    def _add_people(self) -> People:
        settings = self._settings
        people = People(
            self,
            "People",
            prefix=settings.prefix,
            is_protected=settings.protect_from_deletion,
            removal_policy=self._removal,
        )
        CfnOutput(self, "UserPool", value=people.user_pool_id)
        return people

    def _add_outputs(self) -> None:
        names = self._names
        for output, value in (
            ("LandingBucket", names.landing_bucket),
            ("StagingBucket", names.staging_bucket),
            ("LakeBucket", names.lake_bucket),
            ("AuditBucket", names.audit_bucket),
            ("ResultsBucket", names.results_bucket),
            ("OpsTable", names.ops_table),
            ("LakeDatabase", names.lake_database),
            ("StagingDatabase", names.staging_database),
        ):
            CfnOutput(self, output, value=value)


def _expire(name: str, days: int) -> s3.LifecycleRule:
    return s3.LifecycleRule(
        id=name, expiration=Duration.days(days), noncurrent_version_expiration=Duration.days(min(days, 30))
    )


def _demand_conditional_writes(audit: s3.Bucket, name: str) -> None:
    """Refuse an append that does not say If-None-Match: the append lock of the chain is not left to the writer."""
    audit.add_to_resource_policy(
        iam.PolicyStatement(
            sid="AppendOnly",
            effect=iam.Effect.DENY,
            principals=[iam.AnyPrincipal()],
            actions=["s3:PutObject"],
            resources=[bucket_arn(name, "*")],
            # Parts of a multipart upload cannot carry the header; the request that makes the object can.
            conditions={"Null": {"s3:if-none-match": "true"}, "Bool": {"s3:ObjectCreationOperation": "true"}},
        )
    )
