"""Templates → HTML: text from data is escaped, and a page runs its own scripts and nothing else."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from gatecast.formatting import typeset
from gatecast.language import language, say
from gatecast.report.policy import policy


def rendered(template: str, **contents: Any) -> str:
    """A template of this package filled with `contents`."""
    return _environment().get_template(template).render(contents)


def rendered_page(
    template: str, *, scripts: tuple[str, ...] = (), images: str = "data:", **contents: Any
) -> str:
    """A whole page, one that extends base.html: with the style sheet, and a policy that allows no other."""
    style = source("page.css")
    allowed = policy(style=style, scripts=scripts, images=images)
    return rendered(template, style=style, scripts=scripts, policy=allowed, language=language(), **contents)


def source(name: str) -> str:
    """The text of a style sheet or script of this package."""
    return resources.files("gatecast.report").joinpath("templates", name).read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("gatecast.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["typeset"] = typeset
    environment.globals["say"] = say
    environment.policies["json.dumps_kwargs"] = {"allow_nan": False, "separators": (",", ":")}
    return environment
