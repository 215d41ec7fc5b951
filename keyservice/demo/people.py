"""The clearly fictive gemeenten 9998 and 9999 and their people. Never loaded in production."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select

from keyservice import audit, settings
from keyservice.accounts import portfolio, queries, service, totp
from keyservice.accounts.events import FACTOR_ADDED
from keyservice.accounts.models import Account, Audience
from keyservice.database import db, transaction
from keyservice.gemeenten.models import Gemeente
from keyservice.kernel.actor import CLI, DUO_ROLES, Role
from keyservice.kernel.errors import Refused
from keyservice.kernel.secret import Secret
from keyservice.settings import Mode

PASSWORD = "demo-sleutel-openen"  # noqa: S105 - a demo login, on one's own machine only


@dataclass(frozen=True)
class Person:
    """A fictive person: login name, name, mail address, and (role, gemeente) pairs; `part` says what they do."""

    login: str
    name: str
    email: str
    roles: tuple[tuple[Role, str | None], ...]
    part: str

    @property
    def audience(self) -> Audience:
        """Return for whom this person works."""
        return Audience.DUO if self.roles[0][0] in DUO_ROLES else Audience.GEMEENTE


GEMEENTEN = (
    Gemeente(
        code="9998", name="Voorbeeldstad", sort_name="voorbeeldstad", province="Fictief", phone="+31102000000",
        address_line="Postbus 9998", postcode="1234 AB", town="Voorbeeldstad",
    ),
    Gemeente(
        code="9999", name="Testdorp", sort_name="testdorp", province="Fictief", phone="+31202000000",
        address_line="Dorpsplein 1", postcode="1234 CD", town="Testdorp",
    ),
)  # fmt: skip
PEOPLE = (
    Person(
        "anna",
        "Anna Voorbeeld",
        "anna@voorbeeldstad.example",
        ((Role.AANVRAGER, "9998"),),
        "vraagt de sleutel aan en ontvangt het zipbestand",
    ),
    Person("bea", "Bea Voorbeeld", "bea@voorbeeldstad.example", ((Role.AANVRAGER, "9998"),), "collega van Anna"),
    Person(
        "gert",
        "Gert Voorbeeld",
        "gert@voorbeeldstad.example",
        ((Role.GEMEENTEBEHEERDER, "9998"),),
        "beheerder van Voorbeeldstad, staat in voor Anna",
    ),
    Person(
        "sam",
        "Sam Samen",
        "sam@samenwerking.example",
        ((Role.AANVRAGER, "9998"), (Role.AANVRAGER, "9999")),
        "werkt voor twee gemeenten",
    ),
    Person(
        "tom", "Tom Testdorp", "tom@testdorp.example", ((Role.AANVRAGER, "9999"),), "werkt voor een andere gemeente"
    ),
    Person(
        "pim",
        "Pim Voorbeeld",
        "pim@voorbeeldstad.example",
        ((Role.RAADPLEGEN_MUTEREN_2013, "9998"),),
        "legt participatieverklaringen vast voor de Wi2013",
    ),
    Person(
        "iris",
        "Iris Voorbeeld",
        "iris@voorbeeldstad.example",
        ((Role.RAADPLEGEN_MUTEREN_2021, "9998"),),
        "legt participatieverklaringen vast voor de Wi2021",
    ),
    Person("rik", "Rik Fictief", "rik@duo.example", ((Role.RELATIEBEHEERDER, None),), "relatiebeheerder, beoordeelt"),
    Person("rosa", "Rosa Fictief", "rosa@duo.example", ((Role.RELATIEBEHEERDER, None),), "relatiebeheerder, geeft uit"),
    Person("ada", "Ada Fictief", "ada@duo.example", ((Role.AUDITOR, None),), "auditor, leest alles"),
    Person("ben", "Ben Fictief", "ben@duo.example", ((Role.BEHEERDER, None),), "functioneel beheerder"),
)


def load() -> bool:
    """Store the fictive gemeenten and people once; return whether they were new. Raises Refused in production."""
    if settings.current().mode is Mode.PRODUCTION:
        raise Refused("demo-people-in-production")
    if db.session.scalar(select(Account.id).where(Account.fictive).limit(1)):
        return False
    with transaction() as session:
        for gemeente in GEMEENTEN:
            session.merge(
                Gemeente(
                    code=gemeente.code,
                    name=gemeente.name,
                    sort_name=gemeente.sort_name,
                    province=gemeente.province,
                    phone=gemeente.phone,
                    address_line=gemeente.address_line,
                    postcode=gemeente.postcode,
                    town=gemeente.town,
                    fictive=True,
                )
            )
        session.flush()
        ids = {person.login: _store(person) for person in PEOPLE}
        portfolio.give_portfolio(CLI, ids["rik"], "9998")
    return True


def _store(person: Person) -> UUID:
    account = service.create_account(
        CLI,
        audience=person.audience,
        name=person.name,
        email=person.email,
        password=Secret(PASSWORD),
        fictive=True,
    )
    for role, gemeente in person.roles:
        service.give_role(CLI, account, role, gemeente=gemeente)
    row = db.session.get_one(Account, account)
    row.tf_primary_method, row.tf_totp_secret = totp.METHOD, totp.new_secret(account)
    audit.record(FACTOR_ADDED, CLI, subject=account, account=account, factor="totp", name=None)
    return account


def person_id(login: str) -> UUID:
    """Return the account id of a fictive person by login name. Raises LookupError when the demo is not loaded."""
    email = next(person.email for person in PEOPLE if person.login == login)
    account = queries.by_mailbox(email)
    if account is None:
        raise LookupError(login)
    return account.id
