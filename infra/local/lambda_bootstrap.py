"""What a Lambda worker process runs: sys.path as in AWS, then AWS's own client.

Started by path, never imported. It must import nothing of this repository:
the function may only see its code, its layers and the installed packages.
"""

from __future__ import annotations

import os
import sys
import threading
import time

_PARENT_POLL_SECONDS = 0.5


def _die_with(parent: int) -> None:
    """End this process when the emulator is gone, even if it was killed."""
    while os.getppid() == parent:
        time.sleep(_PARENT_POLL_SECONDS)
    os._exit(1)


def main() -> None:
    """Serve invocations until the emulator ends us."""
    parent = int(os.environ.pop("FIVETIER_WORKER_PARENT"))
    threading.Thread(target=_die_with, args=(parent,), daemon=True).start()
    layers = os.environ.pop("FIVETIER_WORKER_LAYERS")
    layer_paths = [path for path in layers.split(os.pathsep) if path]
    sys.path[:0] = [os.environ["LAMBDA_TASK_ROOT"], *layer_paths]

    from awslambdaric.__main__ import main as serve

    serve(["", os.environ["_HANDLER"]])


if __name__ == "__main__":
    main()
