"""A system that calls the API with a key or a credential."""

from typing import Any

from flask import Flask

from keyservice.sleutels import asking


class Machine:
    """Sends requests that carry a secret as bearer."""

    def __init__(self, app: Flask, secret: str) -> None:
        self.secret = secret
        self._client, self._headers = app.test_client(), {"Authorization": f"Bearer {secret}"}

    def open(self, url: str, **more: Any) -> Any:
        """Send a request."""
        return self._client.open(url, headers=self._headers | more.pop("headers", {}), **more)

    def get(self, url: str, **more: Any) -> Any:
        """Send a GET."""
        return self.open(url, method="GET", **more)

    def post(self, url: str, **more: Any) -> Any:
        """Send a POST."""
        return self.open(url, method="POST", **more)


def asker(app: Flask, name: str = "Portaal Inburgering") -> Machine:
    """Return a new system that may ask about keys."""
    with app.app_context():
        credential = asking.add(name).reveal()
    return Machine(app, credential)
