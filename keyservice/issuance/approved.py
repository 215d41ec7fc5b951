"""Whether an approval is what somebody gave: to whom zip and password go stands in it (I13)."""

from keyservice.aanvragen import events
from keyservice.aanvragen.content import content_hash
from keyservice.aanvragen.models import Approval
from keyservice.audit import attested
from keyservice.kernel.errors import Conflict


def require_as_approved(approval: Approval) -> None:
    """Raise Conflict when no event tells of this approval with this content: somebody wrote into it past the program.

    The hash beside the content is not enough: who writes the one by SQL writes the other too.
    """
    wanted = {"approval": str(approval.id), "content_hash": content_hash(approval.snapshot).hex()}
    given = attested.fields_of(events.APPROVED, approval.aanvraag_id)
    if not any(wanted.items() <= fields.items() for fields in given):
        raise Conflict("approval-changed")
