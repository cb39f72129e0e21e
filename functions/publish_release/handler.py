"""Publish: verify signatures and every byte, then move readers in one commit."""

from fivetier.app.contracts import PublishRequest
from fivetier.app.publishing import publish_release
from fivetier.aws.lambda_entry import step

handler = step(PublishRequest, publish_release)
