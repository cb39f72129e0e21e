"""Athena: ministack's API in front of DuckDB, with Trino's semantics.

A statement is parsed with the Athena grammar, checked against an allow-list,
rewritten where DuckDB would answer differently, and run on the tables Glue
knows. What is not on the list fails by name: a wrong number that looks right
is worse than no number.
"""

from __future__ import annotations

import functools
import threading
from typing import TYPE_CHECKING

from infra.local.athena import service

if TYPE_CHECKING:
    from infra.local.athena.engine import Engine


def install(*, endpoint_url: str) -> None:
    """Run Athena queries of ministack in this package.

    The engine brings DuckDB, Arrow and pyiceberg, two seconds of imports: it
    is made by the first query, not by every start of the stack.
    """
    lock = threading.Lock()

    @functools.cache
    def make() -> Engine:
        from infra.local.athena.engine import Engine
        from infra.local.athena.tables import Lake

        return Engine(Lake(endpoint_url))

    def engine() -> Engine:
        with lock:
            return make()

    service.install(engine)
