"""The help that typer and rich write, in a language that is not English."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatecast.language import ENGLISH, language, marked, say

if TYPE_CHECKING:
    from rich.text import Text

TITLES = {
    "ARGUMENTS_PANEL_TITLE": marked("Arguments"),
    "OPTIONS_PANEL_TITLE": marked("Options"),
    "COMMANDS_PANEL_TITLE": marked("Commands"),
    "ERRORS_PANEL_TITLE": marked("Error"),
    "DEFAULT_STRING": marked("[default: {}]"),
    "REQUIRED_LONG_STRING": marked("[required]"),
}
# Of the settings, by `gatecast.cli.flags.with_settings`.
PANELS = (marked("Comparison"), marked("Data"), marked("Forecast"), marked("Network"), marked("Training"))


def translate_help() -> None:
    """Give typer its titles, and rich a way to end lines of wide letters."""
    if language() == ENGLISH:
        return
    from rich.text import Text
    from typer import rich_utils

    for name, title in TITLES.items():
        setattr(rich_utils, name, say(title))
    Text.rstrip_end = _strip_by_cells  # type: ignore


def _strip_by_cells(text: Text, size: int) -> None:
    """Text.rstrip_end, which counts letters: it would leave a space too many, and a wide letter be cut."""
    from rich.cells import cell_len

    excess = cell_len(text.plain) - size
    if excess > 0 and (spaces := len(text.plain) - len(text.plain.rstrip())):
        text.right_crop(min(spaces, excess))
