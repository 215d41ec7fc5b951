"""Waves: many keys renewed by one act of two people; an issuance says which working key it is to follow."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_STATUS = sa.Enum(
    *("prepared", "running", "paused", "finished", "stopped", "lapsed"), name="wavestatus", native_enum=False, length=40
)
_RESULT = sa.Enum("waiting", "done", "refused", name="result", native_enum=False, length=40)


def upgrade() -> None:
    op.create_table(
        "wave",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("omgeving", sa.String(), nullable=True),
        sa.Column("expires_until", _MOMENT, nullable=False),
        sa.Column("gemeenten", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("status", _STATUS, nullable=False),
        sa.Column("status_since", _MOMENT, nullable=False),
        sa.Column("prepared_by", sa.Uuid(), nullable=False),
        sa.Column("prepared_at", _MOMENT, nullable=False),
        sa.Column("started_by", sa.Uuid(), nullable=True),
        sa.Column("started_at", _MOMENT, nullable=True),
        sa.Column("halted_by", sa.Uuid(), nullable=True),
        sa.Column("halt_reason", sa.String(), nullable=True),
        sa.CheckConstraint(
            "status IN ('prepared', 'running', 'paused', 'finished', 'stopped', 'lapsed')", name=op.f("ck_wave_status")
        ),
        sa.CheckConstraint("started_by <> prepared_by", name=op.f("ck_wave_starter_is_not_preparer")),
        sa.CheckConstraint("(started_by IS NULL) = (started_at IS NULL)", name=op.f("ck_wave_started_by_at")),
        sa.CheckConstraint(
            "status IN ('prepared', 'stopped', 'lapsed') OR started_by IS NOT NULL", name=op.f("ck_wave_started")
        ),
        sa.ForeignKeyConstraint(["halted_by"], ["account.id"], name=op.f("fk_wave_halted_by")),
        sa.ForeignKeyConstraint(["prepared_by"], ["account.id"], name=op.f("fk_wave_prepared_by")),
        sa.ForeignKeyConstraint(["started_by"], ["account.id"], name=op.f("fk_wave_started_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wave")),
    )
    op.create_index("ix_wave_status_status_since", "wave", ["status", "status_since"])
    op.create_index("ix_wave_prepared_at", "wave", ["prepared_at"])
    op.create_table(
        "wave_item",
        sa.Column("wave_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("aanvraag_id", sa.Uuid(), nullable=False),
        sa.Column("sleutel_id", sa.Uuid(), nullable=False),
        sa.Column("expected", sa.String(), nullable=True),
        sa.Column("result", _RESULT, nullable=False),
        sa.Column("refused", sa.String(), nullable=True),
        sa.Column("issuance_id", sa.Uuid(), nullable=True),
        sa.Column("judged_at", _MOMENT, nullable=True),
        sa.CheckConstraint("result IN ('waiting', 'done', 'refused')", name=op.f("ck_wave_item_result")),
        sa.CheckConstraint(
            "(result = 'done') = (issuance_id IS NOT NULL)", name=op.f("ck_wave_item_done_with_issuance")
        ),
        sa.CheckConstraint(
            "(result = 'refused') = (refused IS NOT NULL)", name=op.f("ck_wave_item_refused_with_reason")
        ),
        sa.CheckConstraint("(result = 'waiting') = (judged_at IS NULL)", name=op.f("ck_wave_item_judged_at")),
        sa.ForeignKeyConstraint(["aanvraag_id"], ["aanvraag.id"], name=op.f("fk_wave_item_aanvraag_id")),
        sa.ForeignKeyConstraint(["issuance_id"], ["issuance.id"], name=op.f("fk_wave_item_issuance_id")),
        sa.ForeignKeyConstraint(["sleutel_id"], ["sleutel.id"], name=op.f("fk_wave_item_sleutel_id")),
        sa.ForeignKeyConstraint(["wave_id"], ["wave.id"], name=op.f("fk_wave_item_wave_id")),
        sa.PrimaryKeyConstraint("wave_id", "position", name=op.f("pk_wave_item")),
        sa.UniqueConstraint("issuance_id", name=op.f("uq_wave_item_issuance_id")),
        sa.UniqueConstraint("wave_id", "aanvraag_id", name=op.f("uq_wave_item_wave_id_aanvraag_id")),
    )
    op.create_index("ix_wave_item_wave_id_result_position", "wave_item", ["wave_id", "result", "position"])

    with op.batch_alter_table("issuance", schema=None) as batch_op:
        batch_op.add_column(sa.Column("renews_id", sa.Uuid(), nullable=True))
        batch_op.create_foreign_key(batch_op.f("fk_issuance_renews_id"), "sleutel", ["renews_id"], ["id"])


def downgrade() -> None:
    with op.batch_alter_table("issuance", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_issuance_renews_id"), type_="foreignkey")
        batch_op.drop_column("renews_id")

    op.drop_table("wave_item")
    op.drop_table("wave")
