"""A subject of a provider is bound to an account inside an opened invitation, and nowhere else."""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from keyservice import settings
from keyservice.accounts import invitations
from keyservice.accounts.models import Account, Invitation, OidcIdentity
from keyservice.accounts.queries import by_mailbox, valid_grants
from keyservice.database import db, transaction
from keyservice.demo import people
from keyservice.kernel import clock
from keyservice.kernel.actor import Role
from keyservice.kernel.ids import new_id, token_digest
from tests.conftest import csrf
from tests.factories.oidc import (
    bind,
    from_provider,
    logged_in,
    provider,
    refused,
    round_trip,
    settings_of,
    to_provider,
    trail,
    with_providers,
)
from tests.fake_provider import Provider
from tests.pages import check

__all__ = ["provider"]

BIND, TOKEN, CODE = "/uitnodiging/via/gemeente", "token-van-de-link", "ABCD2345"
CLOSED = "U kunt deze uitnodiging niet zo aannemen"


@pytest.fixture
def service(app: Flask, provider: Provider) -> Iterator[Flask]:
    provider.subject = "nina-bij-de-inlogdienst"
    with with_providers(app, settings_of(provider.issuer)) as made:
        yield made


@pytest.fixture
def nina(service: Flask) -> FlaskClient:
    return service.test_client()


def open_invitation(
    service: Flask, browser: FlaskClient, email: str = "nina@voorbeeldstad.example", role: Role = Role.AANVRAGER
) -> TestResponse:
    """Store an invitation of Gert, as it was sent, and open it by its link and code."""
    duo = role is Role.AUDITOR
    with service.app_context(), transaction() as session:
        invitation = Invitation(
            id=new_id(),
            name="Nina Nieuw",
            email=email,
            role=role,
            gemeente=None if duo else "9998",
            invited_by=None if duo else people.person_id("gert"),
            invited_at=clock.now(),
            second_needed=False,
            token_digest=token_digest(TOKEN),
            expires_at=clock.now() + invitations.LIVES,
        )
        invitation.code_mac = settings.rings().mac(invitations.MAC, str(invitation.id), CODE)
        session.add(invitation)
    page = browser.get(f"/uitnodiging/{TOKEN}").text
    answer = browser.post(f"/uitnodiging/{TOKEN}", data={"csrf_token": csrf(page), "code": CODE})
    assert answer.status_code == 303, answer.text
    return browser.get(answer.location)


def identities(app: Flask) -> list[tuple[str, str]]:
    """Return who is bound to what: mail address of the account and subject."""
    with app.app_context():
        query = select(Account.email, OidcIdentity.subject).join(OidcIdentity, OidcIdentity.account_id == Account.id)
        return [(email, subject) for email, subject in db.session.execute(query)]


def test_somebody_invited_joins_by_the_provider_without_a_password(
    service: Flask, nina: FlaskClient, provider: Provider
) -> None:
    page = open_invitation(service, nina).text
    check(page)
    assert f'href="{BIND}"' in page
    assert round_trip(nina, BIND).location == "/"
    assert logged_in(nina)
    assert identities(service) == [("nina@voorbeeldstad.example", provider.subject)]
    with service.app_context():
        account = by_mailbox("nina@voorbeeldstad.example")
        assert account
        assert account.password == ""
        assert [(grant.role, grant.gemeente) for grant in valid_grants(account.id)] == [(Role.AANVRAGER, "9998")]
    assert '"event":"account:bind-oidc"' in trail(service)
    assert nina.get("/namens").status_code == 200, "nobody asks for a second factor of our own"
    again = service.test_client()
    assert round_trip(again).location == "/"
    assert logged_in(again)


def test_an_account_without_a_password_cannot_be_entered_with_one(service: Flask, nina: FlaskClient) -> None:
    open_invitation(service, nina)
    round_trip(nina, BIND)
    for password in ("", " ", "een wachtwoord dat niet bestaat"):
        browser = service.test_client()
        data = {"email": "nina@voorbeeldstad.example", "password": password}
        answer = browser.post("/inloggen", data=data | {"csrf_token": csrf(browser.get("/inloggen").text)})
        assert answer.status_code < 500
        assert not logged_in(browser)


def test_without_an_opened_invitation_nothing_is_bound(service: Flask, nina: FlaskClient) -> None:
    refused(nina.get(BIND), CLOSED)
    assert identities(service) == []


def test_an_invitation_that_was_withdrawn_meanwhile_binds_nothing(service: Flask, nina: FlaskClient) -> None:
    open_invitation(service, nina)
    back = from_provider(to_provider(nina, BIND))
    with service.app_context(), transaction() as session:
        session.scalars(select(Invitation)).one().ended_at = clock.now()
    refused(nina.get(back), CLOSED)
    assert identities(service) == []


def test_an_invitation_works_once(service: Flask, nina: FlaskClient, provider: Provider) -> None:
    open_invitation(service, nina)
    first, second = (from_provider(to_provider(nina, BIND)) for _ in range(2))
    assert nina.get(first).status_code == 303
    assert nina.get(second).status_code == 403
    assert len(identities(service)) == 1


def test_an_invitation_of_duo_is_not_accepted_through_the_provider_of_gemeenten(
    service: Flask, nina: FlaskClient
) -> None:
    page = open_invitation(service, nina, "nina@duo.example", Role.AUDITOR).text
    assert BIND not in page
    refused(round_trip(nina, BIND), CLOSED)
    assert identities(service) == []


def test_a_subject_that_is_somebody_else_binds_nothing(service: Flask, nina: FlaskClient, provider: Provider) -> None:
    bind(service, "anna", provider.issuer, provider.subject)
    open_invitation(service, nina)
    refused(round_trip(nina, BIND), CLOSED)
    assert identities(service) == [("anna@voorbeeldstad.example", provider.subject)]
    with service.app_context():
        assert by_mailbox("nina@voorbeeldstad.example") is None, "nothing is done by half"


def test_an_invitation_does_not_open_the_account_of_its_mail_address(service: Flask, nina: FlaskClient) -> None:
    open_invitation(service, nina, "tom@elders.example")
    with service.app_context(), transaction() as session:
        account = session.get_one(Account, people.person_id("tom"))
        account.email = "tom@elders.example"
    refused(round_trip(nina, BIND), "U hebt hier al een account")
    assert identities(service) == []
    assert not logged_in(nina)


def test_a_too_low_level_binds_nothing(service: Flask, nina: FlaskClient, provider: Provider) -> None:
    open_invitation(service, nina)
    provider.claims = {"acr": "een-stap"}
    answer = round_trip(nina, BIND)
    refused(answer, "Log in met twee stappen")
    assert f'href="{BIND}"' in answer.text, "try again"
    assert identities(service) == []


@pytest.mark.parametrize("minutes", [0, 11])
def test_who_has_an_account_binds_only_after_logging_in_just_now(
    service: Flask, nina: FlaskClient, provider: Provider, browser_of: Callable[[str], FlaskClient], minutes: int
) -> None:
    here, elsewhere = browser_of("tom").get_cookie("sessie"), browser_of("tom").get_cookie("sessie")
    assert here
    assert elsewhere
    nina.set_cookie("sessie", here.value)
    with service.app_context():
        tom = db.session.get_one(Account, people.person_id("tom")).email
    open_invitation(service, nina, tom)
    with nina.session_transaction() as session:
        session["fs_paa"] -= minutes * 60
    answer = round_trip(nina, BIND)
    if minutes:
        refused(answer, "U hebt hier al een account")
        assert identities(service) == []
        return
    assert answer.location == "/"
    assert identities(service) == [(tom, provider.subject)]
    assert logged_in(nina)
    other = service.test_client()
    other.set_cookie("sessie", elsewhere.value)
    assert not logged_in(other), "another way to log in ends the other sessions"
