"""Who may sign in: a user pool of the stage's own, made only where no other issuer is named."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cloudformation_validate import CompositeEngine, Severity
from fivetier.domain.signoff import Role

from infra.app import synthesize
from infra.constructs.people import ROLES
from infra.settings import StageSettings, load_context, load_settings
from tests.infra.assembly import Assembly, flat
from tests.infra.test_assembly import ACCEPTED

ISSUER = "https://cognito-idp.<AWS::Region>.amazonaws.com/<import fivetier-prod-data:ExportsOutputRef"


def _prod(**changed: str) -> StageSettings:
    return load_settings(load_context({"stage": "prod", **changed}))


@pytest.fixture(scope="module")
def pooled(tmp_path_factory: pytest.TempPathFactory, layers_dir: str) -> Iterator[Assembly]:
    """Stage prod as `cdk.json` has it, held against CloudFormation's schemas and AwsSolutions."""
    settings = _prod(layers_dir=layers_dir)
    yield Assembly(synthesize(settings, tmp_path_factory.mktemp("pooled")), settings.prefix)


@pytest.fixture(scope="module")
def pool(pooled: Assembly) -> dict[str, Any]:
    (pool,) = pooled.of_type("AWS::Cognito::UserPool").values()
    return pool


@pytest.fixture(scope="module")
def client(pooled: Assembly) -> dict[str, Any]:
    (client,) = pooled.of_type("AWS::Cognito::UserPoolClient").values()
    return client


def test_with_another_issuer_there_is_no_pool(assembly: Assembly) -> None:
    assert not [name for name, r in assembly.resources.items() if r["Type"].startswith("AWS::Cognito::")]


def test_aws_solutions_has_no_open_finding(pooled: Assembly) -> None:
    report = json.loads((pooled.folder / "validation-report.json").read_text(encoding="utf-8"))
    assert all(not plugin["violations"] for plugin in report["pluginReports"])


@pytest.mark.parametrize("stack", ["data", "pipeline"])
def test_cloudformation_accepts_the_template(pooled: Assembly, stack: str) -> None:
    problems = [
        f"{d.severity.name} {d.rule_id}: {d.message}"
        for d in CompositeEngine().validate_template(json.dumps(pooled.templates[stack]).encode()).diagnostics
        if d.severity in (Severity.FATAL, Severity.ERROR, Severity.WARN) and d.rule_id not in ACCEPTED
    ]
    assert problems == []


def test_nobody_signs_up_and_nobody_enters_with_a_password_alone(pool: dict[str, Any]) -> None:
    assert pool["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"] is True
    assert (pool["MfaConfiguration"], pool["EnabledMfas"]) == ("ON", ["SOFTWARE_TOKEN_MFA"])
    policy = pool["Policies"]["PasswordPolicy"]
    assert policy.pop("MinimumLength") >= 14
    assert policy.pop("TemporaryPasswordValidityDays") <= 3
    assert set(policy.values()) == {True}
    assert (pool["UserPoolTier"], pool["UserPoolAddOns"]) == ("PLUS", {"AdvancedSecurityMode": "ENFORCED"})


def test_a_person_has_an_address_and_a_name(pool: dict[str, Any]) -> None:
    assert {item["Name"] for item in pool["Schema"] if item["Required"]} == {"email", "name"}
    assert pool["UsernameAttributes"] == ["email"]


def test_groups_are_the_roles_that_sign_and_request(pooled: Assembly) -> None:
    groups = {group["GroupName"] for group in pooled.of_type("AWS::Cognito::UserPoolGroup").values()}
    assert groups == set(ROLES) == {role.value for role in Role}


def test_people_outlive_their_stack(pooled: Assembly, pool: dict[str, Any]) -> None:
    assert pool["DeletionProtection"] == "ACTIVE"
    kept = [r for r in pooled.templates["data"]["Resources"].values() if r["Type"].startswith("AWS::Cognito::")]
    assert {r["Type"].rsplit("::")[-1] for r in kept} == {"UserPool", "UserPoolGroup", "UserPoolDomain"}
    assert {(r["DeletionPolicy"], r["UpdateReplacePolicy"]) for r in kept} == {("RetainExceptOnCreate", "Retain")}


def test_the_client_has_no_secret_and_takes_codes_only(client: dict[str, Any]) -> None:
    assert client["GenerateSecret"] is False
    assert client["AllowedOAuthFlows"] == ["code"]
    assert client["AllowedOAuthScopes"] == ["openid", "profile", "email"]
    # Tokens asked for by API call could change their person's own name.
    assert client["ExplicitAuthFlows"] == ["ALLOW_REFRESH_TOKEN_AUTH"]
    assert client["PreventUserExistenceErrors"] == "ENABLED"
    assert (client["IdTokenValidity"], client["TokenValidityUnits"]["IdToken"]) == (60, "minutes")


def test_codes_go_to_the_front_door_only(pooled: Assembly, client: dict[str, Any]) -> None:
    door = flat(pooled.outputs["FrontDoorUrl"]["Value"])
    assert [flat(url) for url in client["CallbackURLs"]] == [f"{door}/callback"]
    assert [flat(url) for url in client["LogoutURLs"]] == [f"{door}/"]


def test_the_sign_in_pages_open(pooled: Assembly) -> None:
    """A client whose pool has managed sign-in pages needs a style; names of domains are one per region and world."""
    (domain,) = pooled.of_type("AWS::Cognito::UserPoolDomain").values()
    assert (flat(domain["Domain"]), domain["ManagedLoginVersion"]) == ("fivetier-prod-<AWS::AccountId>", 2)
    (looks,) = pooled.of_type("AWS::Cognito::ManagedLoginBranding").values()
    (client,) = pooled.of_type("AWS::Cognito::UserPoolClient")
    assert (flat(looks["ClientId"]), looks["UseCognitoProvidedValues"]) == (f"<{client}>", True)


def test_api_and_functions_trust_this_pool_and_this_client(pooled: Assembly) -> None:
    (client,) = pooled.of_type("AWS::Cognito::UserPoolClient")
    (authorizer,) = pooled.of_type("AWS::ApiGatewayV2::Authorizer").values()
    jwt = authorizer["JwtConfiguration"]
    assert flat(jwt["Issuer"]).startswith(ISSUER)
    assert [flat(audience) for audience in jwt["Audience"]] == [f"<{client}>"]
    for folder in ("serve_api", "serve_pages"):
        variables = pooled.functions[folder]["Environment"]["Variables"]
        assert flat(variables["FIVETIER_OIDC_ISSUER"]) == flat(jwt["Issuer"])
        assert flat(variables["FIVETIER_OIDC_AUDIENCE"]) == f"<{client}>"


def test_operators_are_told_the_pool(pooled: Assembly) -> None:
    (pool,) = pooled.of_type("AWS::Cognito::UserPool")
    assert flat(pooled.outputs["UserPool"]["Value"]) == f"<{pool}>"


def test_a_domain_of_ones_own_is_where_codes_and_links_go(tmp_path: Path, layers_dir: str) -> None:
    door = "https://payers.example.test"
    settings = _prod(front_door_url=door, layers_dir=layers_dir)
    made = Assembly(synthesize(settings, tmp_path / "out", validate=False), settings.prefix)
    (client,) = made.of_type("AWS::Cognito::UserPoolClient").values()
    assert client["CallbackURLs"] == [f"{door}/callback"]
    assert made.outputs["FrontDoorUrl"]["Value"] == door
    assert made.functions["serve_pages"]["Environment"]["Variables"]["FIVETIER_FRONT_DOOR_URL"] == door
