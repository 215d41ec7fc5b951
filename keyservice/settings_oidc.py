"""The settings of the providers of OpenID Connect, and what may be wrong with them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from keyservice.kernel.addresses import is_secure
from keyservice.kernel.secret import Secret


@dataclass(frozen=True)
class OidcProvider:
    """A provider of OpenID Connect through which the people of one audience (`gemeente` or `duo`) may log in.

    `acr` are the values of that claim that stand for two factors. An issuer serves one audience (ADR 15).
    """

    audience: str
    name: str
    issuer: str
    client_id: str
    client_secret: Secret | None = field(repr=False)
    acr: tuple[str, ...]

    @property
    def parts(self) -> dict[str, object]:
        """Return what must be given, by the end of its variable."""
        return {
            "NAME": self.name,
            "ISSUER": self.issuer,
            "CLIENT_ID": self.client_id,
            "CLIENT_SECRET": self.client_secret,
            "ACR": self.acr,
        }


def oidc_faults(providers: Sequence[OidcProvider], *, production: bool) -> list[str]:
    """Return what is wrong; each text starts with the name of a variable, without the prefix."""
    faults = []
    for provider in providers:
        prefix = f"OIDC_{provider.audience.upper()}_"
        missing = [name for name, value in provider.parts.items() if not value]
        faults += [f"{prefix}{name} must be set too." for name in missing]
        if provider.issuer and not is_secure(provider.issuer, local=not production):
            # OpenID Connect Discovery 1.0, 3
            faults.append(f"{prefix}ISSUER must be an https address without ? and #, not {provider.issuer!r}.")
    issuers = [provider.issuer.rstrip("/") for provider in providers if provider.issuer]
    if len(issuers) != len(set(issuers)):
        faults.append("OIDC_GEMEENTE_ISSUER and KEYSERVICE_OIDC_DUO_ISSUER must differ.")
    return faults
