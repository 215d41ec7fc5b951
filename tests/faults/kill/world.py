"""What people outside the program hold, so that it outlives the program: mails, texts, and what they wrote down."""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from keyservice.kernel.secret import Secret
from keyservice.kernel.zips import read_zip

_PASSWORD = re.compile(r"(?:[0-9A-Z]{4}-){6}[0-9A-Z]{4}")
_RECEIPT = re.compile(r"/ontvangst/([A-Za-z0-9_-]+)")


@dataclass(frozen=True)
class World:
    """Two folders: where the mail server puts what it took, and the instance, with texts and people's own notes."""

    mail_folder: Path
    instance: Path

    def mails(self) -> Iterator[bytes]:
        """Yield each mail that arrived, oldest first."""
        yield from (path.read_bytes() for path in sorted(self.mail_folder.glob("*.eml")))

    def copies(self) -> dict[str, list[bytes]]:
        """Return the mails that arrived, by Message-ID."""
        by_id: dict[str, list[bytes]] = defaultdict(list)
        for data in self.mails():
            by_id[str(_parsed(data)["Message-ID"]).strip()].append(data)
        return by_id

    def zip_mails(self) -> list[tuple[EmailMessage, str, bytes]]:
        """Return each mail with a zip and a receipt link, oldest first: the mail, the token, the zip."""
        found = []
        for data in self.mails():
            mail = _parsed(data)
            zips = [part.get_content() for part in mail.iter_attachments()]
            body = mail.get_body(("plain",))
            link = _RECEIPT.search(body.get_content()) if body else None
            if zips and link:
                found.append((mail, link[1], zips[0]))
        return found

    def texts(self) -> dict[str, str]:
        """Return each sms by the name of its file."""
        return {path.name: path.read_text() for path in sorted((self.instance / "postvak" / "sms").glob("*.txt"))}

    def password_from_sms(self, z_number: str) -> Secret | None:
        """Return the password in the sms of an issuance."""
        for text in self.texts().values():
            if z_number in text and (found := _PASSWORD.search(text)):
                return Secret(found[0])
        return None

    def write_down(self, name: str, data: bytes) -> None:
        """Keep something a person got on a page; a second time is kept apart."""
        folder = self.instance / "hand"
        folder.mkdir(exist_ok=True)
        (folder / f"{name}.{len(self.written(name))}").write_bytes(data)

    def written(self, name: str) -> list[bytes]:
        """Return what was written down under a name, oldest first."""
        return [path.read_bytes() for path in sorted((self.instance / "hand").glob(f"{name}.*"))]


def key_and_code(data: bytes, password: Secret) -> tuple[str, str]:
    """Return the key and the activation code that lie in a zip."""
    (content,) = read_zip(data, password).values()
    lines = [line for line in content.decode().split("\r\n") if line]
    key = next(line for line in lines if line.startswith("asl_"))
    return key, lines[lines.index("Uw activatiecode:") + 1]


def _parsed(data: bytes) -> EmailMessage:
    return message_from_bytes(data, policy=policy.default)
