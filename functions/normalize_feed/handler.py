"""Normalize: one landed object becomes canonical rows, quarantine and a ledger."""

from fivetier.app.contracts import NormalizeRequest
from fivetier.app.normalizing import normalize_feed
from fivetier.aws.lambda_entry import step

handler = step(NormalizeRequest, normalize_feed)
