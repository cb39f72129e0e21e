"""Start: pin what landed, name the run after it, start the execution."""

from fivetier.app.contracts import StartRequest
from fivetier.app.starting import start_refresh
from fivetier.aws.lambda_entry import step

handler = step(StartRequest, start_refresh)
