"""Audit: freeze manifest and digest, register the staged tables, let go of the lease."""

from fivetier.app.contracts import LeasedRequest, SignOffAsk
from fivetier.app.freezing import freeze_candidate
from fivetier.app.policy import policies
from fivetier.app.world import Ports
from fivetier.aws.lambda_entry import step
from fivetier.aws.wiring import settings


def _freeze(request: LeasedRequest, ports: Ports) -> SignOffAsk:
    seconds = settings().sign_off_seconds or policies()[request.lob].sign_off_seconds
    return freeze_candidate(request, ports, sign_off_seconds=seconds)


handler = step(LeasedRequest, _freeze)
