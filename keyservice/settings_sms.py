"""The settings of the sms provider, and what may be wrong with them; `docs/operations.md` tells how each is set up."""

import json
import re
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from keyservice.kernel.addresses import is_secure
from keyservice.kernel.secret import Secret

NOTIFYNL_URL = "https://api.notifynl.nl"
PLAIN_BODY = '{"to": "{to}", "text": "{text}", "reference": "{reference}"}'
_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
# Name, service and secret, as NotifyNL shows the key once; the client cuts it from the end.
_NOTIFYNL_KEY = re.compile(rf"[^\n]+-{_UUID}-{_UUID}", re.IGNORECASE)
_TEMPLATE = re.compile(_UUID, re.IGNORECASE)
# A token of RFC 6750, which holds no colon, or a whole header.
_TOKEN_OR_HEADER = re.compile(r"[A-Za-z0-9._~+/-]+=*|[A-Za-z0-9-]+: *[!-~](?:[ -~]*[!-~])?")


class SmsProvider(StrEnum):
    """Who sends the sms: nobody (a file, for demo and tests), NotifyNL, or a gateway that takes one HTTP request."""

    FILE = "file"
    NOTIFYNL = "notifynl"
    HTTP = "http"


@dataclass(frozen=True)
class Sms:
    """How sms go out. `template` is for NotifyNL; `body`, the JSON to fill in, for the gateway."""

    provider: SmsProvider
    url: str
    secret: Secret | None = field(repr=False)
    template: str
    body: str
    ca_file: Path | None

    def faults(self, *, production: bool) -> list[str]:
        """Return what is wrong; each text starts with the name of a variable, without the prefix."""
        if self.provider is SmsProvider.FILE:
            return ["SMS_PROVIDER must name a real provider; 'file' is for the demo."] if production else []
        right = {
            "SMS_URL must be an https address without user name, ? and #.": is_secure(self.url, local=not production),
            f"SMS_CA_FILE cannot be read: {self.ca_file}.": self.ca_file is None or self.ca_file.is_file(),
        }
        right |= self._notifynl() if self.provider is SmsProvider.NOTIFYNL else self._http()
        return [text for text, is_right in right.items() if not is_right]

    def _notifynl(self) -> dict[str, bool]:
        return {
            "SMS_URL must be the address of NotifyNL without a path.": not is_secure(self.url, local=True)
            or urlsplit(self.url).path in {"", "/"},
            "SMS_SECRET (or _FILE) must be an API key of NotifyNL.": self._secret_is(_NOTIFYNL_KEY),
            f"SMS_TEMPLATE must be the id of a template of NotifyNL, not {self.template!r}.": bool(
                _TEMPLATE.fullmatch(self.template)
            ),
        }

    def _http(self) -> dict[str, bool]:
        try:
            is_object = isinstance(json.loads(self.body), dict)
        except ValueError:
            is_object = False
        return {
            "SMS_SECRET (or _FILE) must be a token, or a header as 'Name: value'.": self._secret_is(_TOKEN_OR_HEADER),
            "SMS_BODY must be a JSON object that holds {text}, and {to} or {digits}.": is_object
            and "{text}" in self.body
            and ("{to}" in self.body or "{digits}" in self.body),
        }

    def _secret_is(self, form: re.Pattern[str]) -> bool:
        return bool(self.secret and form.fullmatch(self.secret.reveal()))
