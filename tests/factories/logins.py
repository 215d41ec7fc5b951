"""Logging in by the pages, as a person does: password, then the code of the app."""

from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from keyservice.accounts.models import Account
from keyservice.database import db
from keyservice.demo import people
from keyservice.demo.codes import usable_code
from keyservice.kernel import clock
from tests.conftest import csrf


def code_of(app: Flask, login: str) -> str:
    """Return a code that the app of a fictive person shows and that has not been used."""
    with app.app_context():
        code = usable_code(db.session.get_one(Account, people.person_id(login)), clock.now())
    assert code, f"{login} has used the codes of this moment"
    return code


def give_password(client: FlaskClient, login: str, *, after: str | None = None) -> Any:
    """Take the first step of logging in."""
    email = next(person.email for person in people.PEOPLE if person.login == login)
    page = client.get("/inloggen", query_string={"next": after} if after else None).text
    data = {"email": email, "password": people.PASSWORD, "csrf_token": csrf(page), "next": after or ""}
    return client.post("/inloggen", data=data)


def give_code(client: FlaskClient, code: str) -> Any:
    """Take the second step of logging in."""
    page = client.get("/inloggen/code").text
    return client.post("/inloggen/code", data={"code": code, "csrf_token": csrf(page)})


def log_in(app: Flask, client: FlaskClient, login: str) -> Any:
    """Take both steps and return the last answer."""
    assert give_password(client, login).location == "/inloggen/code"
    return give_code(client, code_of(app, login))
