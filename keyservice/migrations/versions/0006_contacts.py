"""Contacts are kept per gemeente: retired, replaced, told apart by a call; an aanvraag may replace an earlier one."""

import hashlib
import json

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_KIND = sa.Enum("eerste", "vervanging", name="kind", native_enum=False, length=40)


def upgrade() -> None:
    with op.batch_alter_table("contact", schema=None) as batch_op:
        batch_op.add_column(sa.Column("vouched_beside", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("replaced_by_id", sa.Uuid(), nullable=True))
        batch_op.create_foreign_key(batch_op.f("fk_contact_replaced_by_id"), "contact", ["replaced_by_id"], ["id"])
        batch_op.create_check_constraint(
            batch_op.f("ck_contact_replaced_is_retired"), "replaced_by_id IS NULL OR retired_at IS NOT NULL"
        )
        batch_op.create_index(batch_op.f("ix_contact_replaced_by_id"), ["replaced_by_id"])

    with op.batch_alter_table("aanvraag", schema=None) as batch_op:
        batch_op.add_column(sa.Column("kind", _KIND, nullable=False, server_default="eerste"))
        batch_op.add_column(sa.Column("replaces_id", sa.Uuid(), nullable=True))
        batch_op.create_foreign_key(batch_op.f("fk_aanvraag_replaces_id"), "aanvraag", ["replaces_id"], ["id"])
        batch_op.create_check_constraint(batch_op.f("ck_aanvraag_kind"), "kind IN ('eerste', 'vervanging')")
        batch_op.create_check_constraint(
            batch_op.f("ck_aanvraag_replaces_something"), "(kind = 'vervanging') = (replaces_id IS NOT NULL)"
        )
        for column in ("replaces_id", "key_contact_id", "password_contact_id"):
            batch_op.create_index(batch_op.f(f"ix_aanvraag_{column}"), [column])
    with op.batch_alter_table("aanvraag", schema=None) as batch_op:
        batch_op.alter_column("kind", existing_type=_KIND, server_default=None)
    _tell_apart()


def _tell_apart() -> None:
    """Note of the calls of until now beside whom they were: each contact was of one aanvraag, and the call asked."""
    contact = sa.table("contact", *map(sa.column, ("id", "via", "name", "mailbox", "mobile", "vouched_how")))
    contact.append_column(sa.column("vouched_beside"))
    aanvraag = sa.table("aanvraag", sa.column("key_contact_id"), sa.column("password_contact_id"))
    bind = op.get_bind()
    people = {row.id: row for row in bind.execute(sa.select(contact))}
    for key, password in bind.execute(sa.select(aanvraag)).all():
        for one, other in ((people.get(key), people.get(password)), (people.get(password), people.get(key))):
            if one is not None and other is not None and one.vouched_how == "call":
                text = json.dumps([other.via, other.name, other.mailbox, other.mobile])
                beside = hashlib.sha256(text.encode()).hexdigest()
                bind.execute(sa.update(contact).where(contact.c.id == one.id).values(vouched_beside=beside))


def downgrade() -> None:
    with op.batch_alter_table("aanvraag", schema=None) as batch_op:
        for column in ("password_contact_id", "key_contact_id", "replaces_id"):
            batch_op.drop_index(batch_op.f(f"ix_aanvraag_{column}"))
        batch_op.drop_constraint(batch_op.f("ck_aanvraag_replaces_something"), type_="check")
        batch_op.drop_constraint(batch_op.f("ck_aanvraag_kind"), type_="check")
        batch_op.drop_constraint(batch_op.f("fk_aanvraag_replaces_id"), type_="foreignkey")
        batch_op.drop_column("replaces_id")
        batch_op.drop_column("kind")

    with op.batch_alter_table("contact", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_contact_replaced_by_id"))
        batch_op.drop_constraint(batch_op.f("ck_contact_replaced_is_retired"), type_="check")
        batch_op.drop_constraint(batch_op.f("fk_contact_replaced_by_id"), type_="foreignkey")
        batch_op.drop_column("replaced_by_id")
        batch_op.drop_column("retired_at")
        batch_op.drop_column("vouched_beside")
