"""Every column is classified: personal, with a term, or not. A new column, field or event forces a decision here.

docs/retention.md is made from that: `.venv/bin/python -m tests.meta.test_retention_documented` writes it anew.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

import keyservice.worker  # noqa: F401 - with the app, all models and events
from keyservice.app import create_app  # noqa: F401 - see above
from keyservice.audit import catalogue
from keyservice.database import Base
from keyservice.retention.columns import (
    ERASED_BY_RUN,
    ERASED_BY_TIMER,
    NOT_PERSONAL,
    PEOPLE,
    SECRETS,
    TEXTS,
    TRACES,
    WHO,
    Kind,
)
from keyservice.retention.due import DECISIONS, DUE
from keyservice.retention.erasing import ERASE
from keyservice.settings_retention import SHORTEST, Retention

DOCUMENT = Path(__file__).parents[2] / "docs" / "retention.md"
GROUPS = (PEOPLE, SECRETS, NOT_PERSONAL)
HEAD = """\
# What is kept of whom, and how long

Made from `keyservice/retention/columns.py`: do not edit, but run
`.venv/bin/python -m tests.meta.test_retention_documented`. A test finds every column of the database that is not here.

`keyservice retention run` lists what is due, and with `--do-it` erases it for good
([operations](operations.md#forgetting)). Why it works like this: [ADR 28](adr/0028-retention.md). The terms are
assumptions until the operator has laid them beside its selectielijst.

## Terms

Set in `KEYSERVICE_RETENTION`, for instance `ended=2y access=90d`: days (`d`), months (`m`) or years (`y`). `audit` is
the longest: no text of an event about a person stays longer.

| term | of | default | shortest |
|---|---|---|---|
"""
TERMS = {
    "ended": "what came to nothing or is over: aanvragen without a key, invitations, contacts, people who left",
    "sleutel": "an aanvraag with a key, after the end of the key",
    "inburgeraar": "inburgeraars, after their duty and the last registration; every look at their data",
    "access": "network address and browser, codes, recipients of messages",
    "audit": "texts of events; who decided or activated",
}


def columns(groups: Iterable[Mapping[str, str]]) -> Counter[str]:
    return Counter(f"{table}.{name}" for group in groups for table, names in group.items() for name in names.split())


def schema() -> set[str]:
    return {f"{table.name}.{column.name}" for table in Base.metadata.tables.values() for column in table.columns}


def personal(kinds: Iterable[Kind]) -> set[str]:
    """Return the columns of kinds; a row that goes as a whole stands for all its columns."""
    named = {column for kind in kinds for column in kind.columns}
    return {column for column in schema() if column in named or f"{column.partition('.')[0]}.*" in named}


def test_every_column_of_the_schema_is_classified_and_nothing_else() -> None:
    # A draft goes as a whole; what of an aanvraag remains when it was sent is told column by column.
    whole_rows = personal(kind for kind in (*ERASED_BY_RUN, *ERASED_BY_TIMER) if kind.name != "draft")
    kept = columns(GROUPS)
    assert schema() - whole_rows - set(kept) == set(), "say in retention/columns.py whether it is about people"
    assert set(kept) - schema() == set(), "a column that is not there"
    assert [column for column, times in kept.items() if times > 1 or column in whole_rows] == [], "said twice"
    named = {column for kind in (*ERASED_BY_RUN, *ERASED_BY_TIMER) for column in kind.columns}
    assert {c for c in named if not c.endswith(".*")} <= schema()


def test_every_reference_to_an_account_is_known_as_one() -> None:
    referring = {
        f"{table.name}.{key.parent.name}"
        for table in Base.metadata.tables.values()
        for key in table.foreign_keys
        if key.column.table.name == "account"
    }
    rows_that_go = personal(kind for kind in (*ERASED_BY_RUN, *ERASED_BY_TIMER) if kind.name != "draft")
    assert referring - rows_that_go <= set(columns([PEOPLE]))


def test_every_private_field_of_an_event_is_classified() -> None:
    fields = {name for code, event in catalogue().items() if not code.startswith("test:") for name in event.private}
    assert fields - {*TRACES, *WHO, *TEXTS} == set(), "say in retention/columns.py what it holds"
    assert {*WHO, *TEXTS} - fields == set()


def test_every_kind_is_found_and_erased() -> None:
    assert [kind.name for kind in ERASED_BY_RUN] == list(DUE)
    assert set(ERASE) == set(DUE)
    assert set(TERMS) == set(Retention().periods) == set(SHORTEST)


def test_every_decision_is_an_event() -> None:
    assert DECISIONS - catalogue().keys() == set()


def render() -> str:
    """Return the document."""
    terms = [f"| `{n}` | {TERMS[n]} | {_words(str(p))} | {_words(str(SHORTEST[n]))} |" for n, p in _periods()]
    rows = [
        "\n## What the run erases\n",
        "A text is replaced by the word *gewist*, a number is left empty, and a `*` means that the row goes. Each",
        "erased dossier, contact and account is an event `retention:erase`, the other kinds are counted per batch.\n",
        "| kind | what | term | from | columns |",
        "|---|---|---|---|---|",
        *(f"| `{k.name}` | {k.what} | {k.term} | {k.since} | {_list(k.columns)} |" for k in ERASED_BY_RUN),
        "\nThese acts make that somebody stays known for `audit`: "
        + ", ".join(f"`{code}`" for code in sorted(DECISIONS))
        + ", and all of the trail itself (`audit:…`).\n",
        "## What the worker erases by itself\n",
        "| what | after | from | columns |",
        "|---|---|---|---|",
        *(f"| {k.what} | {k.term} | {k.since} | {_list(k.columns)} |" for k in ERASED_BY_TIMER),
        "\nPasswords, zips, messages and codes are sealed and go when they are no longer needed, at the latest after",
        "45 days ([ADR 23](adr/0023-life-of-ring-keys.md)).\n",
        "## What stays\n",
        "Random numbers of people. They say who it was as long as the account has a name, and nothing after:\n",
        *_tables(PEOPLE),
        "\nSealed values, digests and MACs:\n",
        *_tables(SECRETS),
        "\nAll else is about things, moments and organisations:\n",
        *_tables(NOT_PERSONAL),
    ]
    return HEAD + "\n".join([*terms, *rows]) + "\n"


def _periods() -> list[tuple[str, object]]:
    return list(Retention().periods.items())


def _words(period: str) -> str:
    return f"{period[:-1]} {({'d': 'day', 'm': 'month', 'y': 'year'})[period[-1]]}{'' if period[:-1] == '1' else 's'}"


def _list(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _tables(group: Mapping[str, str]) -> list[str]:
    return ["| table | columns |", "|---|---|", *(f"| `{t}` | {_list(names.split())} |" for t, names in group.items())]


def test_docs_retention_says_what_the_code_does() -> None:
    assert DOCUMENT.read_text("utf-8") == render(), "renew docs/retention.md: its first lines say how"


if __name__ == "__main__":
    DOCUMENT.write_text(render(), "utf-8")
