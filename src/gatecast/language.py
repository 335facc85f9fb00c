"""The language of what people read: English, or the one that GATECAST_LANG names.

A message stands in the source in English, whole, with named places: `say("{model} lags behind", model=name)`.
Its translation is in locale/<language>/LC_MESSAGES/gatecast.po, which the build compiles for gettext; without
the compiled file everything is English. The environment is read anew for every message: processes that are
started speak as their parent does, and a notebook can change its mind.

Names of columns, keys, settings and models are no messages: they are the same in every language.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gettext import NullTranslations

VARIABLE = "GATECAST_LANG"
ENGLISH = "en"
LANGUAGES = {ENGLISH: "English", "ko": "한국어"}
CATALOGUES = Path(__file__).parent / "locale"


_here: ContextVar[str | None] = ContextVar("language", default=None)


@contextmanager
def speaking(name: str) -> Iterator[None]:
    """Another language than that of the environment, within, and in this thread alone."""
    token = _here.set(name)
    try:
        yield
    finally:
        _here.reset(token)


def language() -> str:
    """The language in use, "en" or "ko": that of GATECAST_LANG, which may also be written "ko_KR.UTF-8".

    Raises
        ValueError: GATECAST_LANG names a language that there is no catalogue of.
    """
    asked = _here.get() or os.environ.get(VARIABLE)
    return named_language(asked) if asked else ENGLISH


@lru_cache(maxsize=16)
def named_language(asked: str) -> str:
    """The language that is meant by "ko", "KO" or "ko_KR.UTF-8".

    Raises
        ValueError: there is no catalogue of it.
    """
    name = re.split(r"[-_.@]", asked.strip().lower())[0]
    if name not in LANGUAGES:
        known = " or ".join(f"{short} ({long})" for short, long in LANGUAGES.items())
        raise ValueError(f'There is no language "{asked[:40]}". Give {known} ({VARIABLE}).')
    return name


def say(message: str, /, **places: Any) -> str:
    """The message in the language in use, its places filled in; without places, braces stay as they are."""
    text = _catalogue(name).gettext(message) if message and (name := language()) != ENGLISH else message
    return text.format(**places) if places else text


def plural(one: str, many: str, n: int, /, **places: Any) -> str:
    """The form of a message for a number, which it may name {n}: `plural("{n} fold", "{n} folds", 5)`."""
    name = language()
    text = (one if n == 1 else many) if name == ENGLISH else _catalogue(name).ngettext(one, many, n)
    return text.format(n=n, **places)


def means(text: str, message: str) -> bool:
    """Whether a text is this message, which has no places, in whatever language it was said."""
    return any(text == _catalogue(name).gettext(message) for name in LANGUAGES)


def pattern(message: str) -> str:
    """A regular expression that matches the message in the language in use, whatever stands in its places."""
    return re.sub(r"\\\{.*?\\\}", ".*", re.escape(say(message)))


def marked(message: str) -> str:
    """The message as it is, found by those who translate: for constants, which are said later."""
    return message


@lru_cache(maxsize=len(LANGUAGES))
def _catalogue(name: str) -> NullTranslations:
    from gettext import translation

    return translation("gatecast", CATALOGUES, [name], fallback=True)
