"""The peer of row `verify`: djangorestframework-api-key on a minimal Django project, set up generously.

No middleware, no authentication beside the key, persistent connections, WAL on SQLite. Run as a program it makes keys
and prints them; a server loads `application`. BENCH_DATABASE is the path of an SQLite file or an address of PostgreSQL.
"""

import json
import os
import sys
from typing import Any

import django
from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.db import transaction
from django.urls import path
from sqlalchemy import make_url


def _database(address: str) -> dict[str, Any]:
    if not address.startswith("postgresql"):
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": address,
            "OPTIONS": {"init_command": "PRAGMA journal_mode=WAL"},
        }
    url = make_url(address)
    names = {
        "NAME": url.database,
        "USER": url.username,
        "PASSWORD": url.password,
        "HOST": url.query.get("host", url.host),
    }
    return {"ENGINE": "django.db.backends.postgresql", "PORT": url.port or "", **names}


settings.configure(
    ALLOWED_HOSTS=["*"],
    DATABASES={"default": {**_database(os.environ["BENCH_DATABASE"]), "CONN_MAX_AGE": None}},
    INSTALLED_APPS=["rest_framework", "rest_framework_api_key"],
    MIDDLEWARE=[],
    REST_FRAMEWORK={
        "DEFAULT_AUTHENTICATION_CLASSES": [],
        "DEFAULT_PERMISSION_CLASSES": ["rest_framework_api_key.permissions.HasAPIKey"],
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
        "UNAUTHENTICATED_USER": None,
    },
    ROOT_URLCONF=__name__,
    SECRET_KEY="protects nothing",  # noqa: S106 - as it says
    USE_TZ=True,
)
django.setup()

from rest_framework.response import Response  # noqa: E402 - Django wants its settings first
from rest_framework.views import APIView  # noqa: E402 - the same
from rest_framework_api_key.models import APIKey  # noqa: E402 - the same


class KeyView(APIView):  # type: ignore[misc]  # the peer has no types
    """Answers to whoever has a key."""

    def get(self, _request: object) -> Response:
        """Return facts, as the program does."""
        return Response({"nummer": "SL-2026-00042", "omgeving": "productie", "gemeente": "9998", "status": "actief"})


urlpatterns = [path("v1/sleutel", KeyView.as_view())]
application = get_wsgi_application()


def _make(count: int) -> list[str]:
    call_command("migrate", verbosity=0)
    with transaction.atomic():
        return [APIKey.objects.create_key(name=f"key {number}")[1] for number in range(count)]


if __name__ == "__main__":
    print(json.dumps(_make(int(sys.argv[1]))))
