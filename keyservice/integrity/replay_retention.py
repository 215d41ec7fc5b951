"""The replay of forgetting: what is left of a row when its people were erased (see `replay`)."""

from uuid import UUID

from keyservice.audit import EventType
from keyservice.integrity.facts import About, Count, Expected, Handlers, OneOf, Told
from keyservice.kernel.text import ERASED
from keyservice.retention import events


def _erased(to: Expected, told: Told) -> None:
    match told.fields["kind"]:
        case "dossier":
            to.change("aanvraag", told.dossier, erased_at=About(told.at))
        case "contact":
            _contact(to, told)
        case "account":
            _account(to, told)
        case "berichtenboek":
            gone = dict.fromkeys(("leverancier", "name", "mailbox", "refusal"), OneOf((ERASED, None)))
            to.change("berichtenboek_copy", told.subject, **gone)
        case "inburgeraar":
            to.delete("registration", inburgeraar_id=told.subject)


def _contact(to: Expected, told: Told) -> None:
    row = to.table("contact").get(told.subject)
    if row is not None:
        gone = dict.fromkeys(("mailbox", "phone", "mobile"))
        texts = dict.fromkeys(("name", "function"), OneOf((ERASED, None)))
        row.update(gone, **texts, retired_at=row["retired_at"] or About(told.at), erased_at=About(told.at))


def _account(to: Expected, told: Told) -> None:
    email = f"{ERASED}-{UUID(told.subject)}"
    nothing = {"tf_totp_secret": None, "mf_recovery_codes": Count(0)}
    to.change("account", told.subject, email=email, erased_at=About(told.at), **nothing)
    to.delete("passkey", account_id=told.subject)
    bound = to.table("oidc_identity")
    for key in [key for key in bound if key.startswith(f"{told.subject} ")]:
        del bound[key]


HANDLERS: Handlers = {events.ERASED: _erased}
WITHOUT_FACTS: tuple[EventType, ...] = (events.PREVIEWED, events.RUN)
