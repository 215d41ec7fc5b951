"""`python -m benchmarks`: run the rows that ROWS names (default: all), print a table, write results.json."""

import os
import sys
from collections.abc import Callable

from benchmarks import audit_trail, issue, lookup, mail, pages, register, report, verify, writers, zip_file
from benchmarks.report import Figure

ROWS: dict[str, Callable[[], list[Figure]]] = {
    "zip": zip_file.run,
    "mail": mail.run,
    "issue": issue.run,
    "audit-append": audit_trail.run_append,
    "audit-verify": audit_trail.run_verify,
    "audit-commit": writers.run,
    "pages": pages.run,
    "register": register.run,
    "register-memory": register.run_memory,
    "verify": verify.run,
    "lookup": lookup.run,
}


def main() -> None:
    """Run the chosen rows. A goal that is not met is said, and is no failure: timings depend on the machine."""
    chosen = [name for name in os.environ.get("ROWS", "").replace(" ", "").split(",") if name] or list(ROWS)
    unknown = sorted(set(chosen) - ROWS.keys())
    if unknown:
        sys.exit(f"bench: no row {', '.join(unknown)}; there are {', '.join(ROWS)}")
    for name in chosen:
        figures = ROWS[name]()
        report.store({name: figures})
        print(report.table(name, figures), flush=True)
    print(f"\nWritten to {report.RESULTS}")


if __name__ == "__main__":
    main()
