"""What every page shares: templates, style sheet, script, and the policy under which a browser shows them."""

import base64
import hashlib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from fivetier.web import words

#: Of a page kept as a file: nothing but its own style sheet.
STANDALONE_POLICY = "default-src 'none'; style-src {style}; base-uri 'none'; form-action 'none'"
#: Of a page behind the login: its own script, and forms that come back to us.
SERVED_POLICY = (
    "default-src 'none'; style-src {style}; script-src {script}; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)


def render(template: str, view: Mapping[str, Any]) -> str:
    """Draw a template; text from data is escaped, and a value the view lacks is an error."""
    return environment().get_template(template).render(**view)


@cache
def served_policy() -> str:
    """Content-Security-Policy of the pages behind the login."""
    return SERVED_POLICY.format(style=_source(_asset("report.css")), script=_source(_asset("page.js")))


@cache
def environment() -> Environment:
    """The templates with what they share."""
    style, script = _asset("report.css"), _asset("page.js")
    result = Environment(
        loader=PackageLoader("fivetier.web", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # The page's own style sheet and script are the only markup that does not come from a template.
    result.globals.update(style=Markup(style), script=Markup(script), desk=None, visitor=None, is_pending=False)
    result.globals.update(standalone_policy=STANDALONE_POLICY.format(style=_source(style)))
    result.filters.update(count=words.count, many=words.many, breakable=_breakable)
    return result


def _visible(value: Any) -> Any:
    """Data must not turn the direction of the text people sign, nor hide in it."""
    return words.visible(value) if isinstance(value, str) else value


def _asset(name: str) -> str:
    return resources.files("fivetier.web").joinpath("templates", name).read_text(encoding="utf-8")


def _source(text: str) -> str:
    """The hash by which a policy names an inline style sheet or script."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _breakable(text: str) -> Markup:
    """Long file and source names may break after an underscore; the text itself stays escaped and whole."""
    return escape(text).replace("_", Markup("_<wbr>"))
