"""What pages call a status (with the tone of its badge) and a step of the form."""

from collections.abc import Mapping
from types import MappingProxyType

from keyservice.aanvragen.content import Section
from keyservice.aanvragen.workflow import Kind, Status
from keyservice.contacts.models import Via

STATUS: Mapping[Status, tuple[str, str]] = MappingProxyType(
    {
        Status.DRAFT: ("Concept", "inactive"),
        Status.SUBMITTED: ("Ingediend", "neutral"),
        Status.IN_REVIEW: ("In behandeling", "neutral"),
        Status.INFO_REQUESTED: ("Aanvulling gevraagd", "warning"),
        Status.APPROVED: ("Goedgekeurd", "success"),
        Status.ISSUED: ("Uitgegeven", "success"),
        Status.REJECTED: ("Afgewezen", "error"),
        Status.WITHDRAWN: ("Ingetrokken", "inactive"),
        Status.LAPSED: ("Vervallen", "inactive"),
    }
)
SECTION: Mapping[Section, str] = MappingProxyType(
    {
        Section.GEMEENTE: "Gemeente",
        Section.CONTACTPERSONEN: "Contactpersonen",
        Section.SOFTWARE: "Software",
        Section.ONDERTEKENING: "Ondertekening",
    }
)
KEY_VIA: Mapping[Via, str] = MappingProxyType(
    {Via.MAIL: "Per e-mail", Via.DOWNLOAD: "Ophalen op deze website, na inloggen"}
)
PASSWORD_VIA: Mapping[Via, str] = MappingProxyType(
    {
        Via.SMS: "Per sms",
        Via.PAGE: "Bekijken op deze website, na inloggen",
        Via.LETTER: "Per brief, naar het adres van uw gemeente in ons register",
    }
)
VIA: Mapping[Via, str] = MappingProxyType({**KEY_VIA, **PASSWORD_VIA})
KIND: Mapping[Kind, str] = MappingProxyType({Kind.EERSTE: "Eerste aanvraag", Kind.VERVANGING: "Vervanging"})
CHECK = "Controleren en versturen"
