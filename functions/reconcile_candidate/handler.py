"""Reconcile: compare with what is published, run the gates, write the report."""

from fivetier.app.contracts import LeasedRequest
from fivetier.app.refresh import reconcile_candidate
from fivetier.aws.lambda_entry import step

handler = step(LeasedRequest, reconcile_candidate)
