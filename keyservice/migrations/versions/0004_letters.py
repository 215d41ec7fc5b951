"""Letters: where they go (the register of gemeenten), and the letter that waits to be printed and posted."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_CHANNELS = ("mail", "sms")
_STATUSES = ("waiting", "opened", "posted", "failed", "returned", "stopped")
_ADDRESS = ("address_line", "postcode", "town")


def _channel(*more: str) -> sa.Enum:
    return sa.Enum(*_CHANNELS, *more, name="channel", native_enum=False, length=40)


def upgrade() -> None:
    with op.batch_alter_table("gemeente", schema=None) as batch_op:
        for column in _ADDRESS:
            batch_op.add_column(sa.Column(column, sa.String(), nullable=True))
        batch_op.create_check_constraint(
            batch_op.f("ck_gemeente_whole_address"),
            "(address_line IS NULL) = (postcode IS NULL) AND (postcode IS NULL) = (town IS NULL)",
        )
    with op.batch_alter_table("outbox_message", schema=None) as batch_op:
        batch_op.alter_column("channel", existing_type=_channel(), type_=_channel("letter"), existing_nullable=False)

    op.create_table(
        "letter",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.Uuid(), nullable=False),
        sa.Column("dossier", sa.Uuid(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("maker", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Enum(*_STATUSES, name="letterstatus", native_enum=False, length=40), nullable=False),
        sa.Column("status_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reminders", sa.Integer(), nullable=False),
        sa.Column("pdf", sa.LargeBinary(), nullable=True),
        sa.Column("ready_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("opened_by", sa.Uuid(), nullable=True),
        sa.Column("posted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("posted_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "status IN ({})".format(", ".join(f"'{status}'" for status in _STATUSES)), name=op.f("ck_letter_status")
        ),
        sa.CheckConstraint("(status = 'waiting') = (pdf IS NOT NULL)", name=op.f("ck_letter_sealed_until_opened")),
        sa.CheckConstraint("(opened_at IS NULL) = (opened_by IS NULL)", name=op.f("ck_letter_opened_by_somebody")),
        sa.CheckConstraint("opened_by IS NULL OR opened_by <> maker", name=op.f("ck_letter_not_opened_by_maker")),
        sa.CheckConstraint("posted_at IS NULL OR opened_at IS NOT NULL", name=op.f("ck_letter_posted_after_opened")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_letter")),
        sa.UniqueConstraint("subject", name=op.f("uq_letter_subject")),
    )
    with op.batch_alter_table("letter", schema=None) as batch_op:
        batch_op.create_index("ix_letter_status_status_since", ["status", "status_since"], unique=False)


def downgrade() -> None:
    op.drop_table("letter")
    with op.batch_alter_table("outbox_message", schema=None) as batch_op:
        batch_op.alter_column("channel", existing_type=_channel("letter"), type_=_channel(), existing_nullable=False)
    with op.batch_alter_table("gemeente", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("ck_gemeente_whole_address"), type_="check")
        for column in _ADDRESS:
            batch_op.drop_column(column)
