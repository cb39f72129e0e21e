"""Who may sign in, where no other issuer is named: a Cognito user pool, and the client the front door signs in with."""

from collections.abc import Mapping

from aws_cdk import Aws, Duration, RemovalPolicy
from aws_cdk import aws_cognito as cognito
from constructs import Construct

#: Groups are roles: what `fivetier.domain.signoff.Role` names, and what each may do.
ROLES: Mapping[str, str] = {
    "data_ops_reviewer": "Data Operations: requests refreshes by hand and works the findings",
    "engineering_lead": "signs what is published, for engineering",
    "data_lead": "signs what is published, for the data",
}
_SESSION = Duration.minutes(60)


class People(cognito.UserPool):
    """A pool nobody enters by themselves, and nobody without a second factor."""

    def __init__(
        self, scope: Construct, construct_id: str, *, prefix: str, is_protected: bool, removal_policy: RemovalPolicy
    ) -> None:
        """Create it with its groups and its sign-in pages.

        Args:
            scope: parent.
            construct_id: id.
            prefix: how physical names begin.
            is_protected: whether Cognito refuses to delete it.
            removal_policy: what becomes of it when its stack is deleted.
        """
        super().__init__(
            scope,
            construct_id,
            user_pool_name=f"{prefix}-people",
            self_sign_up_enabled=False,
            sign_in_aliases=cognito.SignInAliases(email=True),
            sign_in_case_sensitive=False,
            auto_verify=cognito.AutoVerifiedAttrs(email=True),
            # Neither can be demanded later without a new pool; records and pages show the name.
            standard_attributes=cognito.StandardAttributes(
                email=cognito.StandardAttribute(required=True, mutable=True),
                fullname=cognito.StandardAttribute(required=True, mutable=True),
            ),
            mfa=cognito.Mfa.REQUIRED,
            mfa_second_factor=cognito.MfaSecondFactor(otp=True, sms=False),
            password_policy=cognito.PasswordPolicy(
                min_length=14,
                require_lowercase=True,
                require_uppercase=True,
                require_digits=True,
                require_symbols=True,
                temp_password_validity=Duration.days(3),
            ),
            account_recovery=cognito.AccountRecovery.EMAIL_ONLY,
            # Known leaked passwords and risky sign-ins are refused; AwsSolutions asks for it, and only Plus has it.
            feature_plan=cognito.FeaturePlan.PLUS,
            standard_threat_protection_mode=cognito.StandardThreatProtectionMode.FULL_FUNCTION,
            deletion_protection=is_protected,
            removal_policy=removal_policy,
        )
        for role, meaning in ROLES.items():
            cognito.CfnUserPoolGroup(
                self, role, user_pool_id=self.user_pool_id, group_name=role, description=f"fivetier: {meaning}"
            ).apply_removal_policy(removal_policy)
        cognito.UserPoolDomain(
            self,
            "Domain",
            user_pool=self,
            cognito_domain=cognito.CognitoDomainOptions(domain_prefix=f"{prefix}-{Aws.ACCOUNT_ID}"),
            managed_login_version=cognito.ManagedLoginVersion.NEWER_MANAGED_LOGIN,
        ).apply_removal_policy(removal_policy)

    @property
    def issuer(self) -> str:
        """What its tokens name as their issuer."""
        return f"https://cognito-idp.{Aws.REGION}.amazonaws.com/{self.user_pool_id}"


class SignInClient(cognito.UserPoolClient):
    """The front door as the pool knows it: no secret, codes for its own callback only.

    No other way in is open: a token asked for by API call would let people change their own names and e-mail
    addresses. Cognito verifies PKCE where a challenge was sent, and cannot be told to demand one.
    """

    def __init__(self, scope: Construct, construct_id: str, *, people: People, front_door_url: str) -> None:
        """Create it, with the sign-in pages' looks.

        Args:
            scope: parent.
            construct_id: id.
            people: the pool.
            front_door_url: where the pages are, without a slash at the end.
        """
        super().__init__(
            scope,
            construct_id,
            user_pool=people,
            user_pool_client_name="front-door",
            generate_secret=False,
            auth_flows=cognito.AuthFlow(user=False, user_password=False, user_srp=False, custom=False),
            o_auth=cognito.OAuthSettings(
                flows=cognito.OAuthFlows(authorization_code_grant=True),
                scopes=[cognito.OAuthScope.OPENID, cognito.OAuthScope.PROFILE, cognito.OAuthScope.EMAIL],
                callback_urls=[f"{front_door_url}/callback"],
                logout_urls=[f"{front_door_url}/"],
            ),
            supported_identity_providers=[cognito.UserPoolClientIdentityProvider.COGNITO],
            prevent_user_existence_errors=True,
            id_token_validity=_SESSION,
            access_token_validity=_SESSION,
            refresh_token_validity=_SESSION,
        )
        # Without a style of its own, a client's managed sign-in pages do not open.
        cognito.CfnManagedLoginBranding(
            self,
            "Looks",
            user_pool_id=people.user_pool_id,
            client_id=self.user_pool_client_id,
            use_cognito_provided_values=True,
        )
