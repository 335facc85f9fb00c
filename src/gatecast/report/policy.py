"""What a page of gatecast may do, as its Content-Security-Policy: run its own scripts, and nothing else."""

from __future__ import annotations

import base64
import hashlib


def policy(*, style: str, scripts: tuple[str, ...] = (), images: str = "data:") -> str:
    """The policy of a page that holds one style sheet, these scripts and nothing else that acts.

    Scripts and style are allowed by the hash of their text (CSP Level 3, 6.7.3.3): what data might smuggle
    into the page has none. Nothing may be fetched, and no text becomes code.
    """
    rules = ["default-src 'none'", f"style-src {_hash(style)}", f"img-src {images}"]
    if scripts:
        rules.append(f"script-src {' '.join(map(_hash, scripts))}")
    return "; ".join([*rules, "base-uri 'none'", "form-action 'none'"])


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
