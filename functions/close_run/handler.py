"""Close: end a run in a named state, with the reason kept."""

from fivetier.app.contracts import CloseRequest
from fivetier.app.publishing import close_run
from fivetier.aws.lambda_entry import step

handler = step(CloseRequest, close_run)
