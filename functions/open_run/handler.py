"""OpenRun: take the LOB's lease."""

from fivetier.app.contracts import RunRequest
from fivetier.app.refresh import open_run
from fivetier.aws.lambda_entry import step

handler = step(RunRequest, open_run)
