"""All settings: one frozen object, read from the environment once. `docs/settings.md` explains each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from flask import current_app
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from keyservice.kernel.addresses import is_loopback
from keyservice.kernel.seal import Rings
from keyservice.kernel.secret import Secret
from keyservice.settings_oidc import OidcProvider, oidc_faults
from keyservice.settings_portaal import EXAMPLES, Portaal, portaal
from keyservice.settings_retention import Retention, retention
from keyservice.settings_sms import NOTIFYNL_URL, PLAIN_BODY, Sms, SmsProvider

PREFIX = "KEYSERVICE_"
HIGHEST_PORT = 65_535
SHORTEST_TOKEN = 32
ALIKE = 0.8  # other programs may use our prefix: only what differs by a slip is a fault


class SettingsError(Exception):
    """The program may not start like this; the message says what to set."""


class Mode(StrEnum):
    """How the program runs: for real, as a demo on one's own machine, or under test."""

    PRODUCTION = "production"
    DEMO = "demo"
    TESTING = "testing"


class MailSecurity(StrEnum):
    """How the connection to the mail server is protected."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


class FourEyes(StrEnum):
    """For which omgeving the issuer is another person than the approver."""

    PRODUCTIE = "productie"
    ALWAYS = "always"


@dataclass(frozen=True)
class Settings:
    """The settings, each named as its variable without prefix."""

    mode: Mode
    instance: Path
    rings: Path
    checkpoints: Path
    database_url: str
    base_url: str
    trusted_hosts: tuple[str, ...]
    mail_server: str
    mail_port: int
    mail_security: MailSecurity
    mail_username: str
    mail_password: Secret | None = field(repr=False)
    mail_ca_file: Path | None
    mail_from: str
    sms: Sms
    metrics_token: Secret | None = field(repr=False)
    four_eyes: FourEyes
    proxy_hops: int
    contact_email: str
    accessibility_url: str
    oidc: tuple[OidcProvider, ...]
    retention: Retention
    portaal: Portaal

    @property
    def demo(self) -> bool:
        """Tell whether fictive people, `/postvak` and the file provider are allowed."""
        return self.mode is Mode.DEMO

    @property
    def secure(self) -> bool:
        """Tell whether pages are served over https, so that cookies carry `__Host-` and Secure."""
        return urlsplit(self.base_url).scheme == "https"

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "Settings":
        """Return the settings of an environment. Raises SettingsError that names every variable that is wrong."""
        read = _Reader(environ)
        instance = Path(read.text("INSTANCE", "instance")).resolve()
        settings = cls(
            mode=Mode(read.choice("MODE", Mode, Mode.PRODUCTION)),
            instance=instance,
            rings=Path(read.text("RINGS", str(instance / "rings"))).resolve(),
            checkpoints=Path(read.text("CHECKPOINTS", str(instance / "checkpoints.jsonl"))).resolve(),
            database_url=read.text("DATABASE_URL", f"sqlite:///{instance / 'keyservice.sqlite'}"),
            base_url=read.text("BASE_URL", "").rstrip("/"),
            trusted_hosts=tuple(read.text("TRUSTED_HOSTS", "").split()),
            mail_server=read.text("MAIL_SERVER", "localhost"),
            mail_port=read.number("MAIL_PORT", 25),
            mail_security=MailSecurity(read.choice("MAIL_SECURITY", MailSecurity, MailSecurity.STARTTLS)),
            mail_username=read.text("MAIL_USERNAME", ""),
            mail_password=read.secret("MAIL_PASSWORD"),
            mail_ca_file=Path(ca) if (ca := read.text("MAIL_CA_FILE", "")) else None,
            mail_from=read.text("MAIL_FROM", ""),
            sms=_sms(read),
            metrics_token=read.secret("METRICS_TOKEN"),
            four_eyes=FourEyes(read.choice("FOUR_EYES", FourEyes, FourEyes.PRODUCTIE)),
            proxy_hops=read.number("PROXY_HOPS", 0),
            contact_email=read.text("CONTACT_EMAIL", ""),
            accessibility_url=read.text("ACCESSIBILITY_URL", ""),
            oidc=_providers(read),
            retention=_retention(read),
            portaal=_portaal(read),
        )
        faults = read.faults + read.misspelled() + _faults(settings)
        faults += _production_faults(settings) if settings.mode is Mode.PRODUCTION else []
        faults += _demo_faults(settings) if settings.mode is Mode.DEMO else []
        if faults:
            raise SettingsError("\n".join(faults))
        return settings


class _Reader:
    """Reads variables and collects what is wrong with them, so that all faults are told at once."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.faults: list[str] = []
        self.known: set[str] = set()

    def text(self, name: str, default: str) -> str:
        """Read `NAME`; empty is as not set."""
        self.known.add(name)
        return self.environ.get(PREFIX + name, "").strip() or default

    def number(self, name: str, default: int) -> int:
        value = self.text(name, str(default))
        if value.isascii() and value.isdigit():
            return int(value)
        self.faults.append(f"{PREFIX}{name} must be a whole number, not {value!r}.")
        return default

    def choice(self, name: str, kind: type[StrEnum], default: StrEnum) -> str:
        value = self.text(name, "") or default.value
        if value in [member.value for member in kind]:
            return value
        self.faults.append(f"{PREFIX}{name} must be one of {', '.join(kind)}, not {value!r}.")
        return default.value

    def secret(self, name: str) -> Secret | None:
        """Read `NAME`, or what stands in the file that `NAME_FILE` names."""
        path, value = self.text(f"{name}_FILE", ""), self.text(name, "")
        if path:
            try:
                value = Path(path).read_text().strip()
            except OSError as error:
                self.faults.append(f"{PREFIX}{name}_FILE cannot be read: {error}.")
                return None
            except UnicodeDecodeError:
                value = ""
        return Secret(value) if path or value else None

    def misspelled(self) -> list[str]:
        """Return a fault for each variable that nobody asked for and that looks like one of ours."""
        ours = {name.removeprefix(PREFIX) for name in self.environ if name.startswith(PREFIX)}
        meant = {name: get_close_matches(name, self.known, n=1, cutoff=ALIKE) for name in sorted(ours - self.known)}
        return [f"{PREFIX}{name} is no setting; {PREFIX}{found[0]} is." for name, found in meant.items() if found]


def _sms(read: _Reader) -> Sms:
    provider = SmsProvider(read.choice("SMS_PROVIDER", SmsProvider, SmsProvider.FILE))
    return Sms(
        provider=provider,
        url=read.text("SMS_URL", NOTIFYNL_URL if provider is SmsProvider.NOTIFYNL else ""),
        secret=read.secret("SMS_SECRET"),
        template=read.text("SMS_TEMPLATE", ""),
        body=read.text("SMS_BODY", PLAIN_BODY),
        ca_file=Path(ca) if (ca := read.text("SMS_CA_FILE", "")) else None,
    )


def _providers(read: _Reader) -> tuple[OidcProvider, ...]:
    """Return the providers of which anything is given."""
    gemeente = OidcProvider(
        audience="gemeente",
        name=read.text("OIDC_GEMEENTE_NAME", ""),
        issuer=read.text("OIDC_GEMEENTE_ISSUER", ""),
        client_id=read.text("OIDC_GEMEENTE_CLIENT_ID", ""),
        client_secret=read.secret("OIDC_GEMEENTE_CLIENT_SECRET"),
        acr=tuple(read.text("OIDC_GEMEENTE_ACR", "").split()),
    )
    duo = OidcProvider(
        audience="duo",
        name=read.text("OIDC_DUO_NAME", ""),
        issuer=read.text("OIDC_DUO_ISSUER", ""),
        client_id=read.text("OIDC_DUO_CLIENT_ID", ""),
        client_secret=read.secret("OIDC_DUO_CLIENT_SECRET"),
        acr=tuple(read.text("OIDC_DUO_ACR", "").split()),
    )
    return tuple(provider for provider in (gemeente, duo) if any(provider.parts.values()))


def _retention(read: _Reader) -> Retention:
    faults: list[str] = []
    terms = retention(read.text("RETENTION", ""), faults)
    read.faults += [PREFIX + fault for fault in faults]
    return terms


def _portaal(read: _Reader) -> Portaal:
    faults: list[str] = []
    days, file = read.text("PORTAAL", ""), read.text("REASONS", str(EXAMPLES))
    found = portaal(days, file, read.text("OMGEVING", "productie"), faults)
    read.faults += [PREFIX + fault for fault in faults]
    return found


def _faults(settings: Settings) -> list[str]:
    faults = [PREFIX + fault for fault in oidc_faults(settings.oidc, production=settings.mode is Mode.PRODUCTION)]
    if settings.oidc and not settings.base_url:
        faults.append(f"{PREFIX}BASE_URL must be set: the provider of OpenID Connect sends people back to it.")
    if not _is_database(settings.database_url):
        faults.append(f"{PREFIX}DATABASE_URL must be sqlite:////path/file or postgresql+psycopg://….")
    faults += [PREFIX + fault for fault in settings.sms.faults(production=settings.mode is Mode.PRODUCTION)]
    if bool(settings.mail_username) != bool(settings.mail_password):
        faults.append(f"{PREFIX}MAIL_USERNAME and {PREFIX}MAIL_PASSWORD (or _FILE) belong together.")
    if settings.metrics_token is not None and len(settings.metrics_token.reveal()) < SHORTEST_TOKEN:
        faults.append(f"{PREFIX}METRICS_TOKEN (or _FILE) must have at least {SHORTEST_TOKEN} characters.")
    if settings.mail_ca_file and not settings.mail_ca_file.is_file():
        faults.append(f"{PREFIX}MAIL_CA_FILE cannot be read: {settings.mail_ca_file}.")
    if not 0 < settings.mail_port <= HIGHEST_PORT:
        faults.append(f"{PREFIX}MAIL_PORT must be a port, not {settings.mail_port}.")
    return faults


def _is_database(url: str) -> bool:
    try:
        parts = make_url(url)
    except (ArgumentError, ValueError):
        return False
    sqlite = parts.drivername == "sqlite" and Path(parts.database or "").is_absolute()
    return sqlite or parts.drivername in {"postgresql", "postgresql+psycopg"}


def _production_faults(settings: Settings) -> list[str]:
    faults = []
    if urlsplit(settings.base_url).scheme != "https":
        faults.append(f"{PREFIX}BASE_URL must be the https address of the service.")
    host = urlsplit(settings.base_url).hostname
    if not settings.trusted_hosts or host not in {None, *settings.trusted_hosts}:
        faults.append(f"{PREFIX}TRUSTED_HOSTS must name the hosts that may be asked for, that of BASE_URL too.")
    if settings.mail_security is MailSecurity.NONE:
        faults.append(f"{PREFIX}MAIL_SECURITY must be starttls or tls.")
    if "@" not in settings.mail_from:
        faults.append(f"{PREFIX}MAIL_FROM must be the address that mails are sent from.")
    database = settings.database_url.removeprefix("sqlite:///")
    if database != settings.database_url and settings.rings.is_relative_to(Path(database).resolve().parent):
        faults.append(f"{PREFIX}RINGS must be a folder outside the folder of the database.")
    return faults


def _demo_faults(settings: Settings) -> list[str]:
    host = urlsplit(settings.base_url).hostname or ""
    return [] if is_loopback(host) else [f"{PREFIX}BASE_URL must be a loopback address in the demo, not {host!r}."]


def current() -> Settings:
    """Return the settings of the running application."""
    settings: Settings = current_app.extensions["keyservice.settings"]
    return settings


def rings() -> Rings:
    """Return the key rings of the running application."""
    found: Rings = current_app.extensions["keyservice.rings"]
    return found
