"""The program refuses to start half-configured, and says everything that is wrong at once."""

import re
from pathlib import Path

import pytest

from keyservice.settings import FourEyes, MailSecurity, Mode, Settings, SettingsError

GOOD = {
    "KEYSERVICE_BASE_URL": "https://sleutels.duo.example/",
    "KEYSERVICE_TRUSTED_HOSTS": "sleutels.duo.example www.sleutels.duo.example",
    "KEYSERVICE_MAIL_FROM": "sleutels@duo.example",
    "KEYSERVICE_SMS_PROVIDER": "http",
    "KEYSERVICE_SMS_URL": "https://sms.example/v1/send",
    "KEYSERVICE_SMS_SECRET": "een-token",
    "KEYSERVICE_DATABASE_URL": "postgresql+psycopg://db.example/ks",
}
DEMO = {"KEYSERVICE_MODE": "demo", "KEYSERVICE_BASE_URL": "http://localhost:8642"}


def faults(**changed: str) -> str:
    with pytest.raises(SettingsError) as caught:
        Settings.from_environ({**GOOD, **changed})
    return str(caught.value)


def test_production_is_the_mode_unless_another_is_asked_for() -> None:
    read = Settings.from_environ(GOOD)
    assert read.mode is Mode.PRODUCTION
    assert read.base_url == "https://sleutels.duo.example"
    assert read.trusted_hosts == ("sleutels.duo.example", "www.sleutels.duo.example")
    assert (read.mail_security, read.four_eyes) == (MailSecurity.STARTTLS, FourEyes.PRODUCTIE)
    assert read.secure
    assert not read.demo


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BASE_URL", ""),
        ("BASE_URL", "http://sleutels.duo.example"),
        ("TRUSTED_HOSTS", ""),
        ("TRUSTED_HOSTS", "andere.duo.example"),
        ("MAIL_SECURITY", "none"),
        ("MAIL_SECURITY", "soms"),
        ("MAIL_FROM", ""),
        ("MAIL_FROM", "geen adres"),
        ("SMS_PROVIDER", ""),
        ("SMS_PROVIDER", "file"),
        ("MODE", "productie"),
        ("MAIL_PORT", "vijfentwintig"),
        ("MAIL_PORT", "-1"),
        ("MAIL_PORT", "65536"),
        ("PROXY_HOPS", "1.5"),
        ("FOUR_EYES", "nooit"),
        ("MAIL_USERNAME", "zonder-wachtwoord"),
        ("MAIL_PASSWORD", "zonder-naam"),
        ("MAIL_PASSWORD_FILE", "/nergens/wachtwoord"),
        ("MAIL_CA_FILE", "/nergens/ca.pem"),
        ("DATABASE_URL", "postgres://db.example/ks"),
        ("DATABASE_URL", "mysql://db.example/ks"),
        ("DATABASE_URL", "postgresql+psycopg://db.example:poort/ks"),
        ("DATABASE_URL", "/var/lib/ks.sqlite"),
        ("PROXY_HOP", "1"),
        ("OIDC_DUO_CLIENTID", "sleutels"),
    ],
)
def test_each_fault_in_production_is_named(name: str, value: str) -> None:
    text = faults(**{f"KEYSERVICE_{name}": value})
    assert f"KEYSERVICE_{name}" in text
    assert len(text.splitlines()) == 1, "nothing else is wrong"


def test_a_variable_that_is_spelled_wrong_is_told_how_it_is_spelled() -> None:
    assert "PROXY_HOP is no setting; KEYSERVICE_PROXY_HOPS is" in faults(KEYSERVICE_PROXY_HOP="1")


def test_what_others_put_into_the_environment_under_our_prefix_is_let_be() -> None:
    others = {"KEYSERVICE_SERVICE_HOST": "10.0.0.7", "KEYSERVICE_PORT": "tcp://10.0.0.7"}
    assert repr(Settings.from_environ(GOOD | others)) == repr(Settings.from_environ(GOOD))


def test_a_variable_without_a_value_is_as_one_that_is_not_there() -> None:
    names = ("INSTANCE", "RINGS", "CHECKPOINTS", "MAIL_SERVER", "MAIL_PORT", "PROXY_HOPS", "REASONS", "SMS_BODY")
    blank = {f"KEYSERVICE_{name}": " " for name in names}
    assert repr(Settings.from_environ(GOOD | blank)) == repr(Settings.from_environ(GOOD))


def test_a_sqlite_file_is_named_by_its_whole_path(tmp_path: Path) -> None:
    told = faults(KEYSERVICE_DATABASE_URL="sqlite:///ergens.sqlite", KEYSERVICE_RINGS=str(tmp_path))
    assert told == "KEYSERVICE_DATABASE_URL must be sqlite:////path/file or postgresql+psycopg://…."


def test_a_password_in_the_address_of_the_database_is_not_shown_when_that_is_wrong() -> None:
    assert "hoorde-niet" not in faults(KEYSERVICE_DATABASE_URL="postgres://ks:hoorde-niet@db.example/ks")


def test_a_secret_file_that_holds_nothing_or_no_text_is_refused(tmp_path: Path) -> None:
    for content in (b"", b" \n", b"\xff\xfe\x00"):
        (tmp_path / "geheim").write_bytes(content)
        told = faults(KEYSERVICE_METRICS_TOKEN_FILE=str(tmp_path / "geheim"))
        assert "KEYSERVICE_METRICS_TOKEN (or _FILE)" in told


def test_an_empty_environment_is_told_all_that_is_missing_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_environ({})
    for name in ("BASE_URL", "TRUSTED_HOSTS", "MAIL_FROM", "SMS_PROVIDER", "RINGS"):
        assert f"KEYSERVICE_{name}" in str(caught.value)


def test_rings_stand_outside_the_folder_of_the_database(tmp_path: Path) -> None:
    database = {"KEYSERVICE_DATABASE_URL": f"sqlite:///{tmp_path / 'data' / 'k.sqlite'}"}
    assert "KEYSERVICE_RINGS" in faults(**database, KEYSERVICE_RINGS=str(tmp_path / "data" / "rings"))
    read = Settings.from_environ({**GOOD, **database, "KEYSERVICE_RINGS": str(tmp_path / "rings")})
    assert read.rings == tmp_path / "rings"


@pytest.mark.parametrize("host", ["localhost:8642", "127.0.0.1", "127.9.9.9:80", "[::1]:8642"])
def test_the_demo_runs_on_a_loopback_address(host: str) -> None:
    assert Settings.from_environ({**DEMO, "KEYSERVICE_BASE_URL": f"http://{host}"}).demo


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://duo.example",
        "http://10.0.0.1",
        "http://0.0.0.0",
        "http://999.1.1.1",
        "http://localhost.example",
        "x",
    ],
)
def test_the_demo_refuses_every_other_address(url: str) -> None:
    with pytest.raises(SettingsError, match="KEYSERVICE_BASE_URL must be a loopback address"):
        Settings.from_environ({**DEMO, "KEYSERVICE_BASE_URL": url})


def test_a_secret_comes_from_its_file_and_is_never_shown(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("zeer-geheim\n")
    login = {"KEYSERVICE_MAIL_USERNAME": "post", "KEYSERVICE_MAIL_PASSWORD_FILE": str(file)}
    read = Settings.from_environ({**GOOD, **login})
    assert read.mail_password is not None
    assert read.mail_password.reveal() == "zeer-geheim"
    assert "zeer-geheim" not in repr(read)


def test_settings_cannot_be_changed_afterwards() -> None:
    read = Settings.from_environ(GOOD)
    with pytest.raises(AttributeError):
        read.base_url = "https://elders.example"  # type: ignore[misc]  # frozen: that is the point


def oidc(audience: str, **changed: str) -> dict[str, str]:
    """Return the five variables of a provider."""
    given = {
        "NAME": "eHerkenning",
        "ISSUER": f"https://{audience.lower()}.example/inloggen",
        "CLIENT_ID": "sleuteluitgifte",
        "CLIENT_SECRET": "een-geheim",
        "ACR": "loa3 loa4",
    }
    return {f"KEYSERVICE_OIDC_{audience}_{name}": value for name, value in (given | changed).items()}


def test_without_its_variables_logging_in_by_openid_connect_is_off() -> None:
    assert Settings.from_environ(GOOD).oidc == ()


def test_each_audience_may_have_a_provider_and_its_secret_is_never_shown(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("uit-een-bestand\n")
    duo = oidc("DUO", CLIENT_SECRET="", CLIENT_SECRET_FILE=str(tmp_path / "secret"))
    read = Settings.from_environ(GOOD | oidc("GEMEENTE") | duo)
    assert [(one.audience, one.issuer, one.acr) for one in read.oidc] == [
        ("gemeente", "https://gemeente.example/inloggen", ("loa3", "loa4")),
        ("duo", "https://duo.example/inloggen", ("loa3", "loa4")),
    ]
    assert [one.client_secret.reveal() for one in read.oidc if one.client_secret] == ["een-geheim", "uit-een-bestand"]
    assert "geheim" not in repr(read)


@pytest.mark.parametrize("name", ["NAME", "ISSUER", "CLIENT_ID", "CLIENT_SECRET", "ACR"])
@pytest.mark.parametrize("audience", ["GEMEENTE", "DUO"])
def test_a_provider_that_is_half_configured_is_refused(audience: str, name: str) -> None:
    text = faults(**oidc(audience, **{name: ""}))
    assert f"KEYSERVICE_OIDC_{audience}_{name} must be set too" in text
    assert len(text.splitlines()) == 1


@pytest.mark.parametrize("other", ["https://gemeente.example/inloggen", "https://gemeente.example/inloggen/"])
def test_one_issuer_for_both_audiences_is_refused(other: str) -> None:
    text = faults(**oidc("GEMEENTE"), **oidc("DUO", ISSUER=other))
    assert "KEYSERVICE_OIDC_GEMEENTE_ISSUER and KEYSERVICE_OIDC_DUO_ISSUER must differ" in text


@pytest.mark.parametrize(
    "issuer",
    [
        "http://gemeente.example",
        "http://localhost:9",
        "gemeente.example",
        "https://",
        "https://a.example/?b=c",
        "https://[",
    ],
)
def test_an_issuer_is_an_https_address(issuer: str) -> None:
    assert "KEYSERVICE_OIDC_GEMEENTE_ISSUER must be an https address" in faults(**oidc("GEMEENTE", ISSUER=issuer))


def test_the_demo_takes_a_provider_on_the_same_machine_over_http() -> None:
    read = Settings.from_environ(DEMO | oidc("GEMEENTE", ISSUER="http://127.0.0.1:9000"))
    assert read.oidc[0].issuer == "http://127.0.0.1:9000"
    with pytest.raises(SettingsError):
        Settings.from_environ(DEMO | oidc("GEMEENTE", ISSUER="http://elders.example"))


def test_the_example_of_the_manual_is_accepted_but_for_its_files(tmp_path: Path) -> None:
    manual = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
    example = dict(re.findall(r"^ {7}(KEYSERVICE_[A-Z_]+)=(.+)$", manual, re.MULTILINE))
    (tmp_path / "sms").write_text(f"sleuteluitgifte-{'-'.join(['26785a09-ab16-4eb0-8407-a37497a57506'] * 2)}\n")
    (tmp_path / "metrics").write_text("0123456789abcdef" * 4)
    files = {name: str(tmp_path / Path(path).name) for name, path in example.items() if name.endswith("_FILE")}
    read = Settings.from_environ(example | files)
    assert (read.mode, read.proxy_hops) == (Mode.PRODUCTION, 1)
