"""All stacks of one stage put together."""

from pathlib import Path
from typing import Any

from aws_cdk import App, Tags, Validations
from cdk_nag import AwsSolutionsChecks

from infra.settings import StageSettings
from infra.stacks.data import DataStack
from infra.stacks.pipeline import PipelineStack
from infra.stacks.query import QueryStack


def build_app(settings: StageSettings, out_dir: Path, *, validate: bool, context: dict[str, Any]) -> App:
    """The app, ready to synthesize.

    Args:
        settings: the stage.
        out_dir: where the assembly goes.
        validate: hold it against CloudFormation's schemas and AwsSolutions.
        context: CDK feature flags.
    """
    app = App(
        outdir=str(out_dir),
        context=context,
        analytics_reporting=False,
        tree_metadata=False,
        builtin_cloud_formation_validation=validate,
    )
    env = {
        key: value for key, value in (("account", settings.account), ("region", settings.region)) if value is not None
    }
    data = DataStack(app, f"{settings.prefix}-data", settings=settings, env=env)
    PipelineStack(app, f"{settings.prefix}-pipeline", settings=settings, data=data, env=env)
    QueryStack(app, f"{settings.prefix}-query", settings=settings, data=data, env=env)
    Tags.of(app).add("fivetier:stage", settings.name)
    if validate:
        Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    return app
