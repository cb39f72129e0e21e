"""The hourly start, one line of business after the other: none waits for another (DOMAIN R2.2)."""

from fivetier.app.scheduling import start_late
from fivetier.app.world import Ports
from fivetier.aws.lambda_entry import logger
from fivetier.domain.calendar import refreshed_lobs


def start_what_is_late(ports: Ports) -> list[Exception]:
    """Start what is due and can begin now, and return what kept others from it."""
    failed: list[Exception] = []
    for lob in refreshed_lobs():
        try:
            run_id = start_late(lob, ports)
        except Exception as error:  # noqa: BLE001  the others go on; the handler raises it
            logger.exception("late refresh could not be started", extra={"lob": lob.value})
            failed.append(error)
        else:
            if run_id is not None:
                logger.info("started late", extra={"lob": lob.value, "run_id": run_id})
    return failed
