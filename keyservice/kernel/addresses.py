"""Addresses of other services: which ones a secret may be sent to."""

from ipaddress import ip_address
from urllib.parse import urlsplit


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def is_secure(address: str, *, local: bool) -> bool:
    """Tell whether an address is https, with a host and without user name, `?` and `#`.

    `local` allows http too, on this machine only.
    """
    try:
        parts = urlsplit(address)
        host, _port = parts.hostname, parts.port
    except ValueError:
        return False
    if not host or parts.username is not None or set(address) & set(" ?#"):
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and local and is_loopback(host))
