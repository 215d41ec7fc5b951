"""Reading PDFs: their streams, and what the tools of the machine say of them."""

import re
import subprocess
import zlib


def opened(pdf: bytes) -> bytes:
    """Return a PDF with its compressed streams opened."""
    parts = [pdf]
    for found in re.finditer(rb"stream\r?\n", pdf):
        try:
            parts.append(zlib.decompressobj().decompress(pdf[found.end() :]))
        except zlib.error:
            continue  # a stream that is not compressed stands there already
    return b"\n".join(parts)


def run(*command: str) -> str:
    """Return what a tool such as `pdftotext` says."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
