"""Messages of the library in the words of the command line."""

from __future__ import annotations

import re
import shlex

from gatecast.settings.reading import Reading

# As remedies write the arguments of `gatecast.load`, and some settings.
NAMES = (*Reading.model_fields, "target", "across_sessions", "overwrite")
ARGUMENT = re.compile(rf'\b({"|".join(NAMES)})=(?:"([^"]*)"|(True|False)\b)')

# As they name functions.
COMMANDS = {"gatecast.data.sources.fix": "gatecast data fix"}


def as_flags(text: str) -> str:
    """The text with flags for arguments: 'keep="last"' → '--keep last', 'strict=True' → '--strict'.

    And commands for functions.
    """
    for function, command in COMMANDS.items():
        text = text.replace(function, command)
    return ARGUMENT.sub(_flag, text)


def _flag(found: re.Match[str]) -> str:
    name, value, switch = found.groups()
    name = name.replace("_", "-")
    if switch is not None:
        return f"--{name}" if switch == "True" else f"--no-{name}"
    return f"--{name} {shlex.quote(value)}"
