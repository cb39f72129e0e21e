"""What people query: workgroups, views, queries to begin with, and the rights of analysts."""

from aws_cdk import CfnOutput, Stack
from aws_cdk import aws_athena as athena
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.constructs.acknowledge import Excuse, acknowledge, wildcard_rule
from infra.constructs.athena_view import AthenaView
from infra.constructs.grants import Grant
from infra.constructs.private_bucket import bucket_arn
from infra.settings import StageSettings
from infra.sql.catalog import NAMED_QUERIES, VIEWS
from infra.stacks.data import DataStack
from infra.stacks.names import DataNames, workgroup_name
from infra.stacks.needs import lake_tables

_GIB = 1024**3
_QUERY = (
    "athena:BatchGetNamedQuery",
    "athena:BatchGetQueryExecution",
    "athena:GetNamedQuery",
    "athena:GetQueryExecution",
    "athena:GetQueryResults",
    "athena:GetQueryResultsStream",
    "athena:GetWorkGroup",
    "athena:ListNamedQueries",
    "athena:ListQueryExecutions",
    "athena:StartQueryExecution",
    "athena:StopQueryExecution",
)
_LAKE_FILES = Excuse("The lake's files are named by release; Athena reads those a view leads to.", until="2027-11-30")
_RESULTS = Excuse(
    "Results are named by query; analysts have the production workgroup's folder only.", until="2027-11-30"
)


class QueryStack(Stack):
    """Reading, in one stage. Reviewers query candidates in one workgroup, analysts what is published in another."""

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: StageSettings, data: DataStack, env: dict[str, str]
    ) -> None:
        super().__init__(scope, construct_id, env=env, description="fivetier: views, workgroups and who may use them")
        self._settings, self._names = settings, DataNames.of(settings)
        self._key_arn = data.key.key_arn
        production = self._add_workgroup("Production", "what is published")
        self._add_workgroup("Staging", "candidates people are asked to sign")
        for view in VIEWS:
            AthenaView(
                self,
                view.name,
                view=view,
                database=settings.lake_database,
                account=self.account,
            )
        for query in NAMED_QUERIES:
            athena.CfnNamedQuery(
                self,
                query.name,
                name=query.name,
                description=query.meaning,
                database=settings.lake_database,
                query_string=query.sql,
                work_group=production.name,
            ).add_resource_dependency(production)
        self._add_analyst_policy(production.name)
        self.add_stack_dependency(data)

    def _add_workgroup(self, construct_id: str, meaning: str) -> athena.CfnWorkGroup:
        kind = construct_id.lower()
        group = athena.CfnWorkGroup(
            self,
            construct_id,
            name=workgroup_name(self._settings, kind),
            description=f"fivetier: {meaning}",
            state="ENABLED",
            recursive_delete_option=not self._settings.retain_data,
            work_group_configuration=athena.CfnWorkGroup.WorkGroupConfigurationProperty(
                enforce_work_group_configuration=True,
                publish_cloud_watch_metrics_enabled=True,
                requester_pays_enabled=False,
                bytes_scanned_cutoff_per_query=self._settings.scan_limit_gb * _GIB,
                engine_version=athena.CfnWorkGroup.EngineVersionProperty(
                    selected_engine_version="Athena engine version 3"
                ),
                result_configuration=athena.CfnWorkGroup.ResultConfigurationProperty(
                    output_location=f"s3://{self._names.results_bucket}/{kind}/",
                    encryption_configuration=athena.CfnWorkGroup.EncryptionConfigurationProperty(
                        encryption_option="SSE_KMS", kms_key=self._key_arn
                    ),
                ),
            ),
        )
        CfnOutput(self, f"{construct_id}Workgroup", value=group.name)
        return group

    def _add_analyst_policy(self, workgroup: str) -> None:
        """Analysts read views. Athena reads a view's tables in their name: those are readable too, never writable."""
        names = self._names
        views = [view.name for view in VIEWS]
        grants = [
            Grant(actions=_QUERY, resources=(self._workgroup_arn(workgroup),)),
            lake_tables(
                self._settings,
                ("glue:GetDatabase", "glue:GetPartitions", "glue:GetTable", "glue:GetTables"),
                views,
            ),
            Grant(
                actions=("s3:GetBucketLocation", "s3:ListBucket"),
                resources=(bucket_arn(names.lake_bucket), bucket_arn(names.results_bucket)),
            ),
            Grant(
                actions=("s3:GetObject",),
                resources=(bucket_arn(names.lake_bucket, "lake/*"),),
                excuse=_LAKE_FILES,
            ),
            Grant(
                actions=("s3:AbortMultipartUpload", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:PutObject"),
                resources=(bucket_arn(names.results_bucket, "production/*"),),
                excuse=_RESULTS,
            ),
            Grant(actions=("kms:Decrypt", "kms:GenerateDataKey"), resources=(self._key_arn,)),
        ]
        policy = iam.ManagedPolicy(
            self,
            "Analysts",
            managed_policy_name=f"{self._settings.prefix}-analysts",
            description="fivetier: query what is published, through the production workgroup",
            statements=[grant.statement() for grant in grants],
        )
        for grant in grants:
            for resource in grant.wildcards if grant.excuse else ():
                acknowledge(policy, wildcard_rule(self.resolve(resource)), grant.excuse)
        CfnOutput(self, "AnalystPolicy", value=policy.managed_policy_arn)

    def _workgroup_arn(self, name: str) -> str:
        return self.format_arn(service="athena", resource="workgroup", resource_name=name)
