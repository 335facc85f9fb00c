"""A packed picture is the same picture."""

import struct
import zlib

from gatecast.recipes import pictures


def test_a_packed_picture_is_the_same_picture():
    rows = b"".join(b"\0" + bytes(range(12)) for _ in range(30))
    head = struct.pack(">IIBBBBB", 4, 30, 8, 2, 0, 0, 0)
    parts = zlib.compress(rows, 0)
    png = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in [(b"IHDR", head), (b"IDAT", parts[:50]), (b"IDAT", parts[50:]), (b"IEND", b"")]
    )
    small = pictures.packed(png)
    assert len(small) < len(png) / 2
    assert small[:33] == png[:33], "signature and header"
    size = struct.unpack(">I", small[33:37])[0]
    assert zlib.decompress(small[41 : 41 + size]) == rows
    assert small.endswith(png[-12:])
    assert pictures.packed(small) == small
