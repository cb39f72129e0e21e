"""`python -m infra.layers build | smoke | arm64-smoke`; the Makefile's targets `layers...` call it."""

import argparse
import sys
from collections.abc import Sequence

from infra.layers import weight
from infra.layers.build import build
from infra.layers.families import LAMBDA, LIMIT, LayersError
from infra.layers.manifest import NAME, Manifest
from infra.layers.smoke import smoke_here, smoke_lambda
from infra.settings import ROOT

LAYERS = ROOT / "build" / "layers"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from a command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m infra.layers", description="Lambda layers without docker.")
    parser.add_argument("command", choices=("build", "smoke", "arm64-smoke"))
    command = parser.parse_args(arguments).command
    try:
        if command == "build":
            _tell(build(LAMBDA, LAYERS))
        else:
            for told in smoke_here() if command == "smoke" else smoke_lambda(LAYERS):
                sys.stdout.write(", ".join(f"{key} {value}" for key, value in told.items()) + "\n")
    except LayersError as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return 1
    return 0


def _tell(manifest: Manifest) -> None:
    lines = [f"compiled by Python: {manifest.bytecode}"]
    for family, layer in manifest.layers.items():
        lines.append(f"layer {family}: {layer.unzipped:,} bytes unzipped, {layer.zipped:,} zipped")
    for each in weight.weigh({name: layer.unzipped for name, layer in manifest.layers.items()}):
        lines.append(f"function {each.function}: {each.total:,} of {LIMIT:,} bytes unzipped")
    lines.append(f"{(LAYERS / NAME).relative_to(ROOT)} says what they hold")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    sys.exit(main())
