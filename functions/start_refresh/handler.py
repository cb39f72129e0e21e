"""Start: pin what landed, name the run after it, start the execution; called by the calendar."""

from fivetier.app.contracts import StartRequest
from fivetier.app.scheduling import answer_schedule
from fivetier.aws.lambda_entry import step

handler = step(StartRequest, answer_schedule)
