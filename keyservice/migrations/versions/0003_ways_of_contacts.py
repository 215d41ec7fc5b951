"""How zip and password reach a contact: by mail or sms as before, or by logging in; a letter comes too."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_VIA = sa.Enum("mail", "download", "sms", "page", "letter", name="via", native_enum=False, length=40)


def upgrade() -> None:
    with op.batch_alter_table("contact", schema=None) as batch_op:
        batch_op.add_column(sa.Column("via", _VIA, nullable=True))
        batch_op.add_column(sa.Column("verified_account", sa.Uuid(), nullable=True))
        batch_op.create_foreign_key(batch_op.f("fk_contact_verified_account"), "account", ["verified_account"], ["id"])
    op.execute("UPDATE contact SET via = CASE part WHEN 'key' THEN 'mail' ELSE 'sms' END")
    with op.batch_alter_table("contact", schema=None) as batch_op:
        batch_op.alter_column("via", existing_type=_VIA, nullable=False)
        batch_op.create_check_constraint(
            batch_op.f("ck_contact_via_fits_part"),
            "(part = 'key' AND via IN ('mail', 'download'))"
            " OR (part = 'password' AND via IN ('sms', 'page', 'letter'))",
        )

    with op.batch_alter_table("issuance", schema=None) as batch_op:
        batch_op.add_column(sa.Column("fetched_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("issuance", schema=None) as batch_op:
        batch_op.drop_column("fetched_at")

    with op.batch_alter_table("contact", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("ck_contact_via_fits_part"), type_="check")
        batch_op.drop_constraint(batch_op.f("fk_contact_verified_account"), type_="foreignkey")
        batch_op.drop_column("verified_account")
        batch_op.drop_column("via")
