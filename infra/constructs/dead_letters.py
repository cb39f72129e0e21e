"""Where what nobody waits for goes when it fails; any message in it is worth an alarm (RELIABILITY §5)."""

from aws_cdk import Duration
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.constructs.acknowledge import Excuse, acknowledge


class DeadLetters(sqs.Queue):
    """A queue that is read by people only, so it keeps messages as long as SQS can."""

    def __init__(self, scope: Construct, construct_id: str, *, name: str, is_target_of: str = "") -> None:
        """Create it.

        Args:
            scope: parent.
            construct_id: id.
            name: physical name.
            is_target_of: what sends here, if it is nothing cdk-nag looks at (it knows queues and functions).
        """
        super().__init__(
            scope,
            construct_id,
            queue_name=name,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=Duration.days(14),
        )
        if is_target_of:
            excuse = Excuse(f"It is itself the dead-letter queue of {is_target_of}.", until="2027-11-30")
            acknowledge(self, "AwsSolutions-SQS3", excuse)
