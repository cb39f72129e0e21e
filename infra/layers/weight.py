"""Holds every function against Lambda's limit: its code, our own layer and its third-party layer, unzipped."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from infra.layers.families import CORE, FAMILIES, LIMIT, LayersError, functions_of, own_files
from infra.settings import ROOT

_NAMED = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Weight:
    """Unzipped bytes of one function."""

    function: str
    family: str
    code: int
    core: int
    layer: int

    @property
    def total(self) -> int:
        """What Lambda counts."""
        return self.code + self.core + self.layer


class FunctionTooHeavy(LayersError):
    """Lambda would refuse a function with its layers."""

    def __init__(self, weight: Weight, *, heaviest: Mapping[str, int], limit: int) -> None:
        self.weight = weight
        named = ", ".join(f"{name} {size:,}" for name, size in list(heaviest.items())[:_NAMED])
        super().__init__(
            f"function {weight.function} would have {weight.total:,} bytes unzipped, {weight.total - limit:,} more "
            f"than Lambda takes ({limit:,}): layer {weight.family} {weight.layer:,}, layer core {weight.core:,}, "
            f"its own code {weight.code:,}. Heaviest in {weight.family}: {named}. Take a package out of dependency "
            f"group {weight.family} in pyproject.toml (then make lock), or drop more in infra/layers/packages.py."
        )


def weigh(layers: Mapping[str, int]) -> list[Weight]:
    """The weight of every function, with layers of these unzipped sizes by family."""
    core = sum(file.stat().st_size for file in own_files(CORE))
    return [
        Weight(function=function, family=family, code=_code(function), core=core, layer=layers[family])
        for family in FAMILIES
        for function in functions_of(family)
    ]


def check(weights: Sequence[Weight], *, heaviest: Mapping[str, Mapping[str, int]], limit: int = LIMIT) -> None:
    """Let only pass what Lambda takes.

    Raises:
        FunctionTooHeavy: names the heaviest function and what is heavy in it.
    """
    worst = max(weights, key=lambda weight: weight.total)
    if worst.total > limit:
        raise FunctionTooHeavy(worst, heaviest=heaviest[worst.family], limit=limit)


def _code(function: str) -> int:
    return sum(file.stat().st_size for file in own_files(ROOT / "functions" / function))
