"""The one HTTP API: routes that demand a token, and routes whose function asks itself who is there."""

import json
from collections.abc import Mapping, Sequence

from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_apigatewayv2_authorizers as authorizers
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.constructs.acknowledge import Excuse, acknowledge
from infra.constructs.log_group import LogGroup

Routes = Mapping[str, Sequence[apigateway.HttpMethod]]

#: Who asked for what and how it ended; never a header, a body, a query or a token.
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


class FrontDoor(Construct):
    """An HTTP API. It is made before the functions that answer, because some of them tell its address."""

    def __init__(
        self, scope: Construct, construct_id: str, *, name: str, requests_per_second: int, log_retention_days: int
    ) -> None:
        """Create it without routes.

        Args:
            scope: parent.
            construct_id: id.
            name: physical name.
            requests_per_second: throttle; bursts may be twice that.
            log_retention_days: how long access logs are kept.
        """
        super().__init__(scope, construct_id)
        self._api = apigateway.HttpApi(
            self,
            "Http",
            api_name=name,
            description="fivetier: request refreshes, read reports, sign",
            create_default_stage=False,
        )
        access_logs = LogGroup(self, "AccessLogs", name=f"/aws/vendedlogs/apigateway/{name}", days=log_retention_days)
        stage = apigateway.HttpStage(
            self,
            "Stage",
            http_api=self._api,
            stage_name="$default",
            auto_deploy=True,
            throttle=apigateway.ThrottleSettings(rate_limit=requests_per_second, burst_limit=2 * requests_per_second),
        )
        stage.node.default_child.access_log_settings = apigateway.CfnStage.AccessLogSettingsProperty(
            destination_arn=access_logs.log_group_arn, format=json.dumps(_ACCESS_LOG)
        )

    @property
    def api_id(self) -> str:
        """Its id, by which CloudWatch counts its requests."""
        return self._api.api_id

    @property
    def url(self) -> str:
        """Its own address, without a slash at the end."""
        return self._api.api_endpoint

    def demand_token(self, routes: Routes, function: lambda_.IFunction, *, issuer: str, audience: str) -> None:
        """Add routes on which nothing answers without a token of the issuer.

        Args:
            routes: methods by path.
            function: what answers.
            issuer: OIDC issuer.
            audience: what tokens must be made out to.
        """
        authorizer = authorizers.HttpJwtAuthorizer("Oidc", issuer, jwt_audience=[audience])
        integration = integrations.HttpLambdaIntegration("Function", function)
        for path, methods in routes.items():
            self._api.add_routes(path=path, methods=list(methods), integration=integration, authorizer=authorizer)

    def leave_to_function(self, routes: Routes, function: lambda_.IFunction, *, excuse: Excuse) -> None:
        """Add routes without an authorizer: the function lets in and turns away.

        Args:
            routes: methods by path.
            function: what answers.
            excuse: why they have none, and until when.
        """
        integration = integrations.HttpLambdaIntegration("Pages", function)
        for path, methods in routes.items():
            for route in self._api.add_routes(path=path, methods=list(methods), integration=integration):
                acknowledge(route, "AwsSolutions-APIG4", excuse)
