"""Bounced mails, who heard of them, and the heartbeats of workers."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# Mails that reach somebody of DUO only, as far as they exist in this revision.
_FOR_DUO = "'aanvraag-new', 'aanvraag-reminder', 'aanvraag-unissued', 'brief-wacht'"


def _checks(statuses: str, wiped: str) -> None:
    """Put the conditions on the state anew: which states there are, and which of them hold nothing any more."""
    with op.batch_alter_table("outbox_message", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("ck_outbox_message_status"), type_="check")
        batch_op.drop_constraint(batch_op.f("ck_outbox_message_wiped_at_end"), type_="check")
        batch_op.create_check_constraint(batch_op.f("ck_outbox_message_status"), f"status IN ({statuses})")
        batch_op.create_check_constraint(
            batch_op.f("ck_outbox_message_wiped_at_end"),
            f"status NOT IN ({wiped}) OR (content IS NULL AND final IS NULL)",
        )


def upgrade() -> None:
    op.create_table(
        "worker_beat",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_worker_beat")),
    )
    op.create_index(op.f("ix_worker_beat_seen_at"), "worker_beat", ["seen_at"])

    with op.batch_alter_table("outbox_message", schema=None) as batch_op:
        batch_op.add_column(sa.Column("for_duo", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column("bounced_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("bounce_status", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("escalated_at", sa.DateTime(timezone=True), nullable=True))
    _checks("'waiting', 'sending', 'sent', 'bounced', 'dead', 'cancelled'", "'sent', 'bounced', 'cancelled'")
    with op.batch_alter_table("outbox_message", schema=None) as batch_op:
        batch_op.alter_column("for_duo", existing_type=sa.Boolean(), existing_nullable=False, server_default=None)
        batch_op.create_check_constraint(
            batch_op.f("ck_outbox_message_bounced_at_a_moment"), "(status = 'bounced') = (bounced_at IS NOT NULL)"
        )
    op.execute(f"UPDATE outbox_message SET for_duo = true WHERE kind IN ({_FOR_DUO})")  # noqa: S608 - of constants
    # What failed before this version has been looked at: nobody gets a mail about it now.
    op.execute("UPDATE outbox_message SET escalated_at = created_at WHERE status = 'dead'")


def downgrade() -> None:
    # The version before knows no bounces: to it such a message is one that was sent.
    with op.batch_alter_table("outbox_message", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("ck_outbox_message_bounced_at_a_moment"), type_="check")
    op.execute("UPDATE outbox_message SET status = 'sent' WHERE status = 'bounced'")
    _checks("'waiting', 'sending', 'sent', 'dead', 'cancelled'", "'sent', 'cancelled'")
    with op.batch_alter_table("outbox_message", schema=None) as batch_op:
        batch_op.drop_column("escalated_at")
        batch_op.drop_column("bounce_status")
        batch_op.drop_column("bounced_at")
        batch_op.drop_column("for_duo")

    op.drop_index(op.f("ix_worker_beat_seen_at"), table_name="worker_beat")
    op.drop_table("worker_beat")
