"""An HTTP API on which nothing answers without a token of the configured issuer."""

import json
from collections.abc import Mapping, Sequence

from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_apigatewayv2_authorizers as authorizers
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.constructs.log_group import LogGroup

#: Who asked for what and how it ended; never a header, a body or a token.
_ACCESS_LOG = {
    "request_id": "$context.requestId",
    "at": "$context.requestTime",
    "route": "$context.routeKey",
    "path": "$context.path",
    "status": "$context.status",
    "bytes": "$context.responseLength",
    "subject": "$context.authorizer.claims.sub",
    "source_ip": "$context.identity.sourceIp",
    "authorizer_error": "$context.authorizer.error",
    "integration_error": "$context.integrationErrorMessage",
}


class SignedInApi(Construct):
    """Routes to one function, all behind one JWT authorizer."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        function: lambda_.IFunction,
        routes: Mapping[str, Sequence[apigateway.HttpMethod]],
        issuer: str,
        audience: str,
        requests_per_second: int,
        log_retention_days: int,
    ) -> None:
        """Create it.

        Args:
            scope: parent.
            construct_id: id.
            name: physical name.
            function: what answers.
            routes: methods by path.
            issuer: OIDC issuer.
            audience: what tokens must be made out to.
            requests_per_second: throttle; bursts may be twice that.
            log_retention_days: how long access logs are kept.
        """
        super().__init__(scope, construct_id)
        api = apigateway.HttpApi(
            self,
            "Http",
            api_name=name,
            description="fivetier: request refreshes, read reports, sign",
            create_default_stage=False,
        )
        authorizer = authorizers.HttpJwtAuthorizer("Oidc", issuer, jwt_audience=[audience])
        integration = integrations.HttpLambdaIntegration("Function", function)
        for path, methods in routes.items():
            api.add_routes(path=path, methods=list(methods), integration=integration, authorizer=authorizer)
        access_logs = LogGroup(self, "AccessLogs", name=f"/aws/vendedlogs/apigateway/{name}", days=log_retention_days)
        stage = apigateway.HttpStage(
            self,
            "Stage",
            http_api=api,
            stage_name="$default",
            auto_deploy=True,
            throttle=apigateway.ThrottleSettings(rate_limit=requests_per_second, burst_limit=2 * requests_per_second),
        )
        stage.node.default_child.access_log_settings = apigateway.CfnStage.AccessLogSettingsProperty(
            destination_arn=access_logs.log_group_arn, format=json.dumps(_ACCESS_LOG)
        )
        self.url = stage.url
