"""What a log may say of an exception: its type and the places it came along, not what was typed."""

import traceback
from pathlib import Path

PACKAGE = Path(__file__).parents[1]


def told(error: BaseException) -> dict[str, str | list[str]]:
    """Return for a line in the log: `error`, `where` (own code, innermost last) and, of a database or file, `cause`.

    The message of an exception may hold what was typed, so it stays out. That of a database that does not answer names
    its address, or the disk that is full.
    """
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if PACKAGE in Path(frame.filename).parents]
    where = [f"{Path(frame.filename).relative_to(PACKAGE)}:{frame.lineno} {frame.name}" for frame in own]
    driver = getattr(error, "orig", None)
    found: dict[str, str | list[str]] = {"error": type(driver or error).__name__, "where": where}
    if any(kind.__name__ == "OperationalError" for kind in type(driver).__mro__):  # of psycopg or sqlite3
        found["cause"] = str(driver).partition("\n")[0]
    elif isinstance(error, OSError) and error.filename:
        found["cause"] = f"{error.filename}: {error.strerror}"
    return found
