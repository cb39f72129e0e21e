"""Resolve: canonical rows become the candidate's tables."""

from fivetier.app.contracts import LeasedRequest
from fivetier.app.refresh import resolve_hierarchy
from fivetier.aws.lambda_entry import step

handler = step(LeasedRequest, resolve_hierarchy)
