"""Discover: check the pinned objects, the month and the base."""

from fivetier.app.contracts import LeasedRequest
from fivetier.app.refresh import discover_feeds
from fivetier.aws.lambda_entry import step

handler = step(LeasedRequest, discover_feeds)
