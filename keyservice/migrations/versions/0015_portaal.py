"""The Portaal Inburgering: inburgeraars, what is registered about them in versions, and the log of every look."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_WET = sa.Enum("Wi2013", "Wi2021", name="wet", native_enum=False, length=40)
_KIND = sa.Enum("register", "correct", "withdraw", name="kind", native_enum=False, length=40)
_STATUS = sa.Enum("Ok", "Unset", "Error", name="lookstatus", native_enum=False, length=40)


def upgrade() -> None:
    op.create_table(
        "inburgeraar",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("gemeente", sa.String(), nullable=False),
        sa.Column("wet", _WET, nullable=False),
        sa.Column("given_names", sa.String(), nullable=False),
        sa.Column("prefix", sa.String(), nullable=False),
        sa.Column("surname", sa.String(), nullable=False),
        sa.Column("birth_date", sa.String(), nullable=False),
        sa.Column("bsn", sa.LargeBinary(), nullable=False),
        sa.Column("bsn_digest", sa.LargeBinary(), nullable=False),
        sa.Column("duty_from", sa.Date(), nullable=False),
        sa.Column("duty_until", sa.Date(), nullable=False),
        sa.Column("loaded_at", _MOMENT, nullable=False),
        sa.CheckConstraint("wet IN ('Wi2013', 'Wi2021')", name=op.f("ck_inburgeraar_wet")),
        sa.CheckConstraint("duty_from <= duty_until", name=op.f("ck_inburgeraar_duty")),
        sa.CheckConstraint("length(birth_date) = 10", name=op.f("ck_inburgeraar_birth_date")),
        sa.ForeignKeyConstraint(["gemeente"], ["gemeente.code"], name=op.f("fk_inburgeraar_gemeente")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inburgeraar")),
        sa.UniqueConstraint("bsn_digest", name=op.f("uq_inburgeraar_bsn_digest")),
    )
    op.create_index("ix_inburgeraar_gemeente_birth_date", "inburgeraar", ["gemeente", "birth_date"])
    op.create_index("ix_inburgeraar_gemeente_wet_duty_until", "inburgeraar", ["gemeente", "wet", "duty_until"])
    op.create_table(
        "registration",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("inburgeraar_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", _KIND, nullable=False),
        sa.Column("gemeente", sa.String(), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("by_person", sa.Uuid(), nullable=True),
        sa.Column("by_sleutel", sa.Uuid(), nullable=True),
        sa.Column("message_key", sa.String(), nullable=True),
        sa.Column("ondertekend", sa.Boolean(), nullable=True),
        sa.Column("gevolgd", sa.Boolean(), nullable=True),
        sa.Column("started_on", sa.Date(), nullable=True),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.Column("signed_on", sa.Date(), nullable=True),
        sa.Column("reden", sa.String(), nullable=True),
        sa.Column("toelichting", sa.String(), nullable=True),
        sa.Column("correction", sa.String(), nullable=True),
        sa.Column("event", sa.Uuid(), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("kind IN ('register', 'correct', 'withdraw')", name=op.f("ck_registration_kind")),
        sa.CheckConstraint("number > 0 AND (kind = 'register' OR number > 1)", name=op.f("ck_registration_number")),
        sa.CheckConstraint("(by_person IS NULL) <> (by_sleutel IS NULL)", name=op.f("ck_registration_by_one")),
        sa.CheckConstraint(
            "(kind = 'register') = (correction IS NULL)", name=op.f("ck_registration_correction_has_reason")
        ),
        sa.CheckConstraint(
            "(kind = 'withdraw') = (ondertekend IS NULL) AND (ondertekend IS NULL) = (gevolgd IS NULL)",
            name=op.f("ck_registration_facts"),
        ),
        sa.CheckConstraint("NOT ondertekend OR gevolgd", name=op.f("ck_registration_signed_after_attending")),
        sa.CheckConstraint(
            "(gevolgd IS NOT NULL AND gevolgd) = (started_on IS NOT NULL)"
            " AND (started_on IS NULL) = (ended_on IS NULL) AND (started_on IS NULL OR started_on <= ended_on)",
            name=op.f("ck_registration_attended"),
        ),
        sa.CheckConstraint(
            "(ondertekend IS NOT NULL AND ondertekend) = (signed_on IS NOT NULL)"
            " AND (signed_on IS NULL OR started_on <= signed_on)",
            name=op.f("ck_registration_signed"),
        ),
        sa.CheckConstraint(
            "(ondertekend IS NOT NULL AND NOT ondertekend) = (reden IS NOT NULL)", name=op.f("ck_registration_refused")
        ),
        sa.ForeignKeyConstraint(["by_person"], ["account.id"], name=op.f("fk_registration_by_person")),
        sa.ForeignKeyConstraint(["by_sleutel"], ["sleutel.id"], name=op.f("fk_registration_by_sleutel")),
        sa.ForeignKeyConstraint(["gemeente"], ["gemeente.code"], name=op.f("fk_registration_gemeente")),
        sa.ForeignKeyConstraint(["inburgeraar_id"], ["inburgeraar.id"], name=op.f("fk_registration_inburgeraar_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_registration")),
        sa.UniqueConstraint("by_sleutel", "message_key", name=op.f("uq_registration_by_sleutel_message_key")),
        sa.UniqueConstraint("inburgeraar_id", "number", name=op.f("uq_registration_inburgeraar_id_number")),
    )
    op.create_table(
        "processing_log",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("trace_id", sa.String(), nullable=False),
        sa.Column("span_id", sa.String(), nullable=False),
        sa.Column("parent_span_id", sa.String(), nullable=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("status", _STATUS, nullable=False),
        sa.Column("start_time", _MOMENT, nullable=False),
        sa.Column("end_time", _MOMENT, nullable=False),
        sa.Column("processing_activity_id", sa.String(), nullable=False),
        sa.Column("data_subject_id", sa.LargeBinary(), nullable=True),
        sa.Column("data_subject_id_type", sa.String(), nullable=False),
        sa.Column("person", sa.Uuid(), nullable=True),
        sa.Column("sleutel", sa.Uuid(), nullable=True),
        sa.Column("gemeente", sa.String(), nullable=True),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("event", sa.Uuid(), nullable=True),
        sa.CheckConstraint("status IN ('Ok', 'Unset', 'Error')", name=op.f("ck_processing_log_status")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_processing_log")),
    )
    op.create_index("ix_processing_log_data_subject_id", "processing_log", ["data_subject_id"])
    op.create_index("ix_processing_log_start_time", "processing_log", ["start_time"])


def downgrade() -> None:
    op.drop_table("processing_log")
    op.drop_table("registration")
    op.drop_table("inburgeraar")
