"""A provider of sms that is half configured, or would be talked to in clear, stops the program at its start."""

from pathlib import Path

import pytest

from keyservice.settings import Settings, SettingsError
from keyservice.settings_sms import SmsProvider
from tests.fake_sms import API_KEY, TEMPLATE
from tests.rules.test_settings import DEMO, GOOD, faults

PLAIN = {name: value for name, value in GOOD.items() if "_SMS_" not in name}
HTTP = {"PROVIDER": "http", "URL": "https://sms.example/v1/send", "SECRET": "een-token"}
NOTIFYNL = {"PROVIDER": "notifynl", "SECRET": API_KEY, "TEMPLATE": TEMPLATE}


def variables(values: dict[str, str]) -> dict[str, str]:
    return {f"KEYSERVICE_SMS_{name}": value for name, value in values.items()}


def test_notifynl_needs_a_key_and_a_template_and_knows_its_address() -> None:
    sms = Settings.from_environ(PLAIN | variables(NOTIFYNL)).sms
    assert (sms.provider, sms.url, sms.template) == (SmsProvider.NOTIFYNL, "https://api.notifynl.nl", TEMPLATE)


@pytest.mark.parametrize(
    ("good", "name", "value"),
    [
        *((NOTIFYNL, "SECRET", value) for value in ("", "een-token", API_KEY[16:], API_KEY[:-1], f"{API_KEY}x")),
        *((NOTIFYNL, "TEMPLATE", value) for value in ("", "wachtwoord", f"{TEMPLATE}0")),
        *(
            (NOTIFYNL, "URL", value)
            for value in ("http://api.notifynl.nl", "https://api.notifynl.nl/v2", "https://a:b@x.example", "https://")
        ),
        (NOTIFYNL, "CA_FILE", "/nergens/ca.pem"),
        (NOTIFYNL, "SECRET_FILE", "/dev/null"),
        *(
            (HTTP, "URL", value)
            for value in (
                *(
                    "",
                    "sms.example",
                    "http://sms.example",
                    "http://127.0.0.1",
                    "https://",
                    "https://[",
                    "ftp://x.example",
                ),
                *("https://x.example/?token=a", "https://x.example/#a", "https://naam:geheim@x.example"),
                *("https://x.example:99999", "https://x.example/a b"),
            )
        ),
        *(
            (HTTP, "SECRET", value)
            for value in ("", "twee woorden", "X-Kop:", "Mijn Kop: a", ": a", "a\nb", "X-Kop: a\nb")
        ),
        *(
            (HTTP, "BODY", value)
            for value in (
                "{to} {text}",
                '["{to}", "{text}"]',
                '{"to": "{to}"}',
                '{"text": "{text}"}',
                '{"to": {to}',
            )
        ),
        (HTTP, "CA_FILE", "/nergens/ca.pem"),
    ],
)
def test_each_fault_of_a_provider_is_named(good: dict[str, str], name: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_environ(PLAIN | variables(good | {name: value}))
    text = str(caught.value)
    assert text.startswith(f"KEYSERVICE_SMS_{name.replace('SECRET_FILE', 'SECRET')} ")
    assert len(text.splitlines()) == 1, "nothing else is wrong"
    if value and name in {"SECRET", "URL"}:
        assert value not in text, "both may hold a secret"


def test_all_that_is_missing_is_told_at_once() -> None:
    for provider, names in (("notifynl", ("SECRET", "TEMPLATE")), ("http", ("URL", "SECRET"))):
        text = faults(**variables({"PROVIDER": provider, "URL": "", "SECRET": ""}))
        assert all(f"KEYSERVICE_SMS_{name}" in text for name in names)


@pytest.mark.parametrize("secret", ["abc.DEF-123_~+/==", "X-Product-Token: een kop", "Authorization: Basic YTpi"])
def test_a_token_or_a_header_comes_from_its_file_and_is_never_shown(tmp_path: Path, secret: str) -> None:
    (tmp_path / "token").write_text(f"{secret}\n")
    read = Settings.from_environ(PLAIN | variables(HTTP | {"SECRET": "", "SECRET_FILE": str(tmp_path / "token")}))
    assert read.sms.secret is not None
    assert read.sms.secret.reveal() == secret
    assert secret not in repr(read)


def test_outside_production_the_file_is_the_default_and_http_stays_on_this_machine() -> None:
    assert Settings.from_environ(DEMO).sms.provider is SmsProvider.FILE
    assert Settings.from_environ(DEMO | variables(HTTP | {"URL": "http://127.0.0.1:9000"})).sms.url
    with pytest.raises(SettingsError, match="KEYSERVICE_SMS_URL"):
        Settings.from_environ(DEMO | variables(HTTP | {"URL": "http://elders.example"}))


def test_an_unknown_provider_is_refused_everywhere() -> None:
    for environ in (GOOD, DEMO):
        with pytest.raises(SettingsError, match="KEYSERVICE_SMS_PROVIDER must be one of file, notifynl, http"):
            Settings.from_environ(environ | {"KEYSERVICE_SMS_PROVIDER": "een-andere"})
