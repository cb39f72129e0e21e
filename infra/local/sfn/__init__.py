"""Step Functions: ministack's API in front of moto's ASL interpreter.

ministack's own interpreter turns a missing JSONPath into null, never times a
heartbeat out and accepts broken definitions; moto's is a port of LocalStack's
and follows AWS there. What moto leaves out is added in this package.
"""

from __future__ import annotations

from infra.local.sfn import clients


def install(*, endpoint_url: str) -> None:
    """Run state machines of ministack in moto's interpreter."""
    clients.install(endpoint_url)
    # These name the interpreter's modules, which the line above imports.
    from infra.local.sfn import api, choices, integrations, maps, task_tokens

    integrations.install()
    choices.install()
    maps.install()
    task_tokens.install()
    api.install()
