"""The layers with third-party packages: zips that `make layers` built, or nothing on the local stack (ADR 14)."""

from aws_cdk import CfnParameter
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.layers.families import FAMILIES
from infra.layers.manifest import read_checked
from infra.settings import ROOT, StageSettings


def third_party_layers(scope: Construct, settings: StageSettings) -> dict[str, lambda_.ILayerVersion]:
    """One layer per family.

    Raises:
        LayersNotBuilt: the stage wants built layers, and they are absent, stale or changed.
        FunctionTooHeavy: Lambda would refuse a function with its layers.
    """
    if settings.layers_dir is None:
        return {family: _by_arn(scope, family) for family in FAMILIES}
    folder = ROOT / settings.layers_dir
    built = read_checked(folder)
    return {
        family: lambda_.LayerVersion(
            scope,
            f"{family.capitalize()}Layer",
            layer_version_name=f"{settings.prefix}-{family}",
            description=f"third-party packages of family {family}",
            # By content: the same files compressed by another machine are the same layer.
            code=lambda_.Code.from_asset(str(folder / f"{family}.zip"), asset_hash=layer.content_sha256),
            compatible_runtimes=[lambda_.Runtime.PYTHON_3_13],
            compatible_architectures=[lambda_.Architecture.ARM_64],
        )
        for family, layer in built.layers.items()
    }


def _by_arn(scope: Construct, family: str) -> lambda_.ILayerVersion:
    """A placeholder: the local stack ignores the layer and runs functions with the project's own packages."""
    name = f"{family.capitalize()}Layer"
    arn = CfnParameter(scope, f"{name}Arn", description=f"any ARN: stands for the {family} layer, which is not built")
    return lambda_.LayerVersion.from_layer_version_arn(scope, name, arn.value_as_string)
