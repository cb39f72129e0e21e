"""What is built for whom: families of packages, platforms, the functions that take them."""

import platform
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from infra.settings import ROOT
from infra.stacks.function_table import FUNCTIONS

FAMILIES = ("engine", "lake")
#: What Lambda's Python brings by itself (the AWS SDK); it is installed for the smoke run only.
RUNTIME = "runtime"
#: Unzipped bytes of a function with all its layers: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
LIMIT = 262_144_000
CORE = ROOT / "layers" / "core"
LAMBDA_PYTHON = "3.13"


class LayersError(RuntimeError):
    """Layers cannot be built, tried or taken; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a layer runs on.

    Attributes:
        machine: as `uname -m` says it.
        python: minor version, like `3.13`.
    """

    machine: str
    python: str

    @property
    def uv_platform(self) -> str:
        """As uv names it: wheels for glibc 2.28 and older also run on Lambda's Amazon Linux 2023 (2.34)."""
        return f"{self.machine}-manylinux_2_28"

    @property
    def is_this_machine(self) -> bool:
        """Whether its extension modules can be loaded here without an emulator."""
        return (platform.system(), platform.machine()) == ("Linux", self.machine)


#: What is deployed.
LAMBDA = Target("aarch64", LAMBDA_PYTHON)


def requirements(name: str) -> Path:
    """The hashed lock of a family."""
    return ROOT / "layers" / name / "requirements.txt"


def functions_of(family: str) -> list[str]:
    """Functions that are deployed with a family's layer."""
    return [spec.name for spec in FUNCTIONS if spec.layer == family]


def own_files(folder: Path) -> Iterator[Path]:
    """Files of our own code as CDK uploads them: without what Python leaves behind."""
    return (file for file in sorted(folder.rglob("*")) if file.is_file() and file.suffix != ".pyc")
