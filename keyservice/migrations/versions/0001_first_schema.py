"""The first schema, with the triggers that make the audit trail insert-only."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TRIGGERS = {
    "sqlite": (
        (
            "CREATE TRIGGER audit_event_no_update BEFORE UPDATE ON audit_event "
            "BEGIN SELECT RAISE(ABORT, 'audit_event is insert-only'); END"
        ),
        (
            "CREATE TRIGGER audit_event_no_delete BEFORE DELETE ON audit_event "
            "BEGIN SELECT RAISE(ABORT, 'audit_event is insert-only'); END"
        ),
        (
            "CREATE TRIGGER audit_event_no_replace BEFORE INSERT ON audit_event "
            "WHEN EXISTS (SELECT 1 FROM audit_event WHERE id = NEW.id OR row = NEW.row) "
            "BEGIN SELECT RAISE(ABORT, 'audit_event is insert-only'); END"
        ),
    ),
    "postgresql": (
        (
            "CREATE FUNCTION audit_event_insert_only() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'audit_event is insert-only'; END $$"
        ),
        (
            "CREATE TRIGGER audit_event_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_event "
            "FOR EACH STATEMENT EXECUTE FUNCTION audit_event_insert_only()"
        ),
    ),
}


def upgrade() -> None:
    op.create_table(
        "account",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "audience", sa.Enum("gemeente", "duo", name="audience", native_enum=False, length=40), nullable=False
        ),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("password", sa.String(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("fs_uniquifier", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("fictive", sa.Boolean(), nullable=False),
        sa.CheckConstraint("audience IN ('gemeente', 'duo')", name=op.f("ck_account_audience")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
        sa.UniqueConstraint("email", name=op.f("uq_account_email")),
        sa.UniqueConstraint("fs_uniquifier", name=op.f("uq_account_fs_uniquifier")),
    )
    op.create_table(
        "anonymous_refusal",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("minute", sa.DateTime(timezone=True), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("source", "kind", "minute", name=op.f("pk_anonymous_refusal")),
    )
    op.create_table(
        "audit_event",
        sa.Column("row", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("dossier", sa.Uuid(), nullable=True),
        sa.Column("dossier_number", sa.Integer(), nullable=True),
        sa.Column("person", sa.Uuid(), nullable=True),
        sa.Column("gemeente", sa.String(), nullable=True),
        sa.Column("canonical", sa.LargeBinary(), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("row", name=op.f("pk_audit_event")),
        sa.UniqueConstraint("dossier", "dossier_number", name=op.f("uq_audit_event_dossier_dossier_number")),
        sa.UniqueConstraint("id", name=op.f("uq_audit_event_id")),
    )
    with op.batch_alter_table("audit_event", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_audit_event_at"), ["at"], unique=False)
        batch_op.create_index("ix_audit_event_gemeente_row", ["gemeente", "row"], unique=False)
        batch_op.create_index("ix_audit_event_person_row", ["person", "row"], unique=False)

    op.create_table(
        "audit_private",
        sa.Column("event", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("event", "name", name=op.f("pk_audit_private")),
    )
    op.create_table(
        "gemeente",
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("sort_name", sa.String(), nullable=False),
        sa.Column("province", sa.String(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("successor_code", sa.String(), nullable=True),
        sa.Column("phone", sa.String(), nullable=True),
        sa.Column("fictive", sa.Boolean(), nullable=False),
        sa.CheckConstraint("length(code) = 4", name=op.f("ck_gemeente_code_length")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_gemeente")),
    )
    with op.batch_alter_table("gemeente", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_gemeente_sort_name"), ["sort_name"], unique=False)

    op.create_table(
        "number_series",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "year", name=op.f("pk_number_series")),
    )
    op.create_table(
        "outbox_message",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("dedup_key", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("channel", sa.Enum("mail", "sms", name="channel", native_enum=False, length=40), nullable=False),
        sa.Column("recipient", sa.String(), nullable=False),
        sa.Column("dossier", sa.Uuid(), nullable=True),
        sa.Column(
            "status",
            sa.Enum("waiting", "sending", "sent", "dead", "cancelled", name="delivery", native_enum=False, length=40),
            nullable=False,
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("owner", sa.Uuid(), nullable=True),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("final", sa.LargeBinary(), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "status IN ('waiting', 'sending', 'sent', 'dead', 'cancelled')", name=op.f("ck_outbox_message_status")
        ),
        sa.CheckConstraint(
            "status NOT IN ('sent', 'cancelled') OR (content IS NULL AND final IS NULL)",
            name=op.f("ck_outbox_message_wiped_at_end"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox_message")),
        sa.UniqueConstraint("dedup_key", name=op.f("uq_outbox_message_dedup_key")),
    )
    with op.batch_alter_table("outbox_message", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_outbox_message_dossier"), ["dossier"], unique=False)
        batch_op.create_index("ix_outbox_message_status_due_at", ["status", "due_at"], unique=False)

    op.create_table(
        "contact",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("gemeente", sa.String(), nullable=False),
        sa.Column("part", sa.Enum("key", "password", name="part", native_enum=False, length=40), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("function", sa.String(), nullable=False),
        sa.Column("mailbox", sa.String(), nullable=True),
        sa.Column("phone", sa.String(), nullable=True),
        sa.Column("mobile", sa.String(), nullable=True),
        sa.Column("z_number", sa.String(), nullable=False),
        sa.Column("proposed_by", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("verified_address", sa.String(), nullable=True),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("vouched_by", sa.Uuid(), nullable=True),
        sa.Column(
            "vouched_how",
            sa.Enum("call", "gemeentebeheerder", name="vouching", native_enum=False, length=40),
            nullable=True,
        ),
        sa.Column("vouched_number", sa.String(), nullable=True),
        sa.Column("vouched_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("part IN ('key', 'password')", name=op.f("ck_contact_part")),
        sa.CheckConstraint(
            "vouched_by IS NULL OR vouched_by <> proposed_by", name=op.f("ck_contact_not_vouched_by_proposer")
        ),
        sa.ForeignKeyConstraint(["gemeente"], ["gemeente.code"], name=op.f("fk_contact_gemeente")),
        sa.ForeignKeyConstraint(["proposed_by"], ["account.id"], name=op.f("fk_contact_proposed_by")),
        sa.ForeignKeyConstraint(["vouched_by"], ["account.id"], name=op.f("fk_contact_vouched_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact")),
        sa.UniqueConstraint("z_number", name=op.f("uq_contact_z_number")),
    )
    with op.batch_alter_table("contact", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_contact_gemeente"), ["gemeente"], unique=False)

    op.create_table(
        "login_session",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("data", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_login_session_account_id")),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_login_session")),
    )
    with op.batch_alter_table("login_session", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_login_session_account_id"), ["account_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_login_session_seen_at"), ["seen_at"], unique=False)

    op.create_table(
        "portfolio_entry",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("gemeente", sa.String(), nullable=False),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_portfolio_entry_account_id")),
        sa.ForeignKeyConstraint(["gemeente"], ["gemeente.code"], name=op.f("fk_portfolio_entry_gemeente")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_portfolio_entry")),
    )
    with op.batch_alter_table("portfolio_entry", schema=None) as batch_op:
        batch_op.create_index("ix_portfolio_entry_account_gemeente", ["account_id", "gemeente"], unique=False)
        batch_op.create_index(batch_op.f("ix_portfolio_entry_gemeente"), ["gemeente"], unique=False)

    op.create_table(
        "role_grant",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column(
            "role",
            sa.Enum(
                "aanvrager",
                "gemeentebeheerder",
                "raadplegen_muteren_2013",
                "raadplegen_muteren_2021",
                "relatiebeheerder",
                "auditor",
                "beheerder",
                name="role",
                native_enum=False,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("gemeente", sa.String(), nullable=True),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("granted_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "(role IN ('aanvrager', 'gemeentebeheerder', 'raadplegen_muteren_2013', 'raadplegen_muteren_2021') AND gemeente IS NOT NULL) OR (role IN ('auditor', 'beheerder', 'relatiebeheerder') AND gemeente IS NULL)",
            name=op.f("ck_role_grant_role_fits_gemeente"),
        ),
        sa.CheckConstraint("granted_by IS NULL OR granted_by <> account_id", name=op.f("ck_role_grant_not_to_oneself")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_role_grant_account_id")),
        sa.ForeignKeyConstraint(["gemeente"], ["gemeente.code"], name=op.f("fk_role_grant_gemeente")),
        sa.ForeignKeyConstraint(["granted_by"], ["account.id"], name=op.f("fk_role_grant_granted_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_role_grant")),
    )
    with op.batch_alter_table("role_grant", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_role_grant_account_id"), ["account_id"], unique=False)

    op.create_table(
        "sleutel",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("gemeente", sa.String(), nullable=False),
        sa.Column("omgeving", sa.String(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("activated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("suspended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.CheckConstraint("omgeving IN ('acceptatie', 'productie')", name=op.f("ck_sleutel_omgeving")),
        sa.CheckConstraint("length(digest) = 32", name=op.f("ck_sleutel_digest_length")),
        sa.CheckConstraint("revoked_at IS NULL OR reason IS NOT NULL", name=op.f("ck_sleutel_revoked_with_reason")),
        sa.ForeignKeyConstraint(["gemeente"], ["gemeente.code"], name=op.f("fk_sleutel_gemeente")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sleutel")),
        sa.UniqueConstraint("digest", name=op.f("uq_sleutel_digest")),
        sa.UniqueConstraint("number", name=op.f("uq_sleutel_number")),
    )
    with op.batch_alter_table("sleutel", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sleutel_expires_at"), ["expires_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_sleutel_gemeente"), ["gemeente"], unique=False)

    op.create_table(
        "aanvraag",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.String(), nullable=True),
        sa.Column(
            "status",
            sa.Enum(
                "draft",
                "submitted",
                "in_review",
                "info_requested",
                "approved",
                "issued",
                "rejected",
                "withdrawn",
                "lapsed",
                name="status",
                native_enum=False,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("status_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("submitted_by", sa.Uuid(), nullable=True),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("claimed_by", sa.Uuid(), nullable=True),
        sa.Column("question", sa.String(), nullable=True),
        sa.Column("rejection", sa.String(), nullable=True),
        sa.Column("reminders", sa.Integer(), nullable=False),
        sa.Column("gemeente", sa.String(), nullable=False),
        sa.Column("gemeente_name", sa.String(), nullable=False),
        sa.Column("oin", sa.String(), nullable=True),
        sa.Column("kvk", sa.String(), nullable=True),
        sa.Column("key_contact_id", sa.Uuid(), nullable=True),
        sa.Column("password_contact_id", sa.Uuid(), nullable=True),
        sa.Column("leverancier", sa.String(), nullable=True),
        sa.Column("pakket", sa.String(), nullable=True),
        sa.Column("pakket_versie", sa.String(), nullable=True),
        sa.Column("pakket_key", sa.String(), nullable=True),
        sa.Column("leverancier_contact", sa.String(), nullable=True),
        sa.Column("leverancier_mailbox", sa.String(), nullable=True),
        sa.Column("omgeving", sa.String(), nullable=True),
        sa.Column("toelichting", sa.String(), nullable=True),
        sa.Column("signer_name", sa.String(), nullable=True),
        sa.Column("signer_function", sa.String(), nullable=True),
        sa.Column("declared_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("declared_by", sa.Uuid(), nullable=True),
        sa.Column("declaration_version", sa.String(), nullable=True),
        sa.CheckConstraint(
            "omgeving IS NULL OR omgeving IN ('acceptatie', 'productie')", name=op.f("ck_aanvraag_omgeving")
        ),
        sa.CheckConstraint(
            "status = 'draft' OR (number IS NOT NULL AND submitted_by IS NOT NULL)", name=op.f("ck_aanvraag_numbered")
        ),
        sa.CheckConstraint(
            "status IN ('draft', 'submitted', 'in_review', 'info_requested', 'approved', 'issued', 'rejected', 'withdrawn', 'lapsed')",
            name=op.f("ck_aanvraag_status"),
        ),
        sa.ForeignKeyConstraint(["claimed_by"], ["account.id"], name=op.f("fk_aanvraag_claimed_by")),
        sa.ForeignKeyConstraint(["created_by"], ["account.id"], name=op.f("fk_aanvraag_created_by")),
        sa.ForeignKeyConstraint(["declared_by"], ["account.id"], name=op.f("fk_aanvraag_declared_by")),
        sa.ForeignKeyConstraint(["gemeente"], ["gemeente.code"], name=op.f("fk_aanvraag_gemeente")),
        sa.ForeignKeyConstraint(["key_contact_id"], ["contact.id"], name=op.f("fk_aanvraag_key_contact_id")),
        sa.ForeignKeyConstraint(["password_contact_id"], ["contact.id"], name=op.f("fk_aanvraag_password_contact_id")),
        sa.ForeignKeyConstraint(["submitted_by"], ["account.id"], name=op.f("fk_aanvraag_submitted_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_aanvraag")),
        sa.UniqueConstraint("number", name=op.f("uq_aanvraag_number")),
    )
    with op.batch_alter_table("aanvraag", schema=None) as batch_op:
        batch_op.create_index("ix_aanvraag_gemeente_created_at", ["gemeente", "created_at"], unique=False)
        batch_op.create_index("ix_aanvraag_status_status_since", ["status", "status_since"], unique=False)
        batch_op.create_index(
            "uq_aanvraag_open",
            ["gemeente", "omgeving", "pakket_key"],
            unique=True,
            sqlite_where=sa.text("status IN ('approved', 'in_review', 'info_requested', 'submitted')"),
            postgresql_where=sa.text("status IN ('approved', 'in_review', 'info_requested', 'submitted')"),
        )

    op.create_table(
        "contact_challenge",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("dossier", sa.Uuid(), nullable=True),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("code_mac", sa.LargeBinary(), nullable=False),
        sa.Column("practice_password", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name=op.f("fk_contact_challenge_contact_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_challenge")),
    )
    with op.batch_alter_table("contact_challenge", schema=None) as batch_op:
        batch_op.create_index("ix_contact_challenge_contact_id_created_at", ["contact_id", "created_at"], unique=False)

    op.create_table(
        "aanvraag_note",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("aanvraag_id", sa.Uuid(), nullable=False),
        sa.Column("author", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["aanvraag_id"], ["aanvraag.id"], name=op.f("fk_aanvraag_note_aanvraag_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["author"], ["account.id"], name=op.f("fk_aanvraag_note_author")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_aanvraag_note")),
    )
    with op.batch_alter_table("aanvraag_note", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_aanvraag_note_aanvraag_id"), ["aanvraag_id"], unique=False)

    op.create_table(
        "approval",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("aanvraag_id", sa.Uuid(), nullable=False),
        sa.Column("requested_by", sa.Uuid(), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("approved_by", sa.Uuid(), nullable=False),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("four_eyes", sa.Boolean(), nullable=False),
        sa.Column("motivation", sa.String(), nullable=False),
        sa.Column("content_hash", sa.LargeBinary(), nullable=False),
        sa.Column("snapshot", sa.String(), nullable=False),
        sa.Column("retracted_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("approved_by <> created_by", name=op.f("ck_approval_creator_is_not_approver")),
        sa.CheckConstraint("approved_by <> requested_by", name=op.f("ck_approval_requester_is_not_approver")),
        sa.ForeignKeyConstraint(["aanvraag_id"], ["aanvraag.id"], name=op.f("fk_approval_aanvraag_id")),
        sa.ForeignKeyConstraint(["approved_by"], ["account.id"], name=op.f("fk_approval_approved_by")),
        sa.ForeignKeyConstraint(["created_by"], ["account.id"], name=op.f("fk_approval_created_by")),
        sa.ForeignKeyConstraint(["requested_by"], ["account.id"], name=op.f("fk_approval_requested_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approval")),
        sa.UniqueConstraint(
            "id",
            "aanvraag_id",
            "approved_by",
            "four_eyes",
            name=op.f("uq_approval_id_aanvraag_id_approved_by_four_eyes"),
        ),
    )
    with op.batch_alter_table("approval", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_approval_aanvraag_id"), ["aanvraag_id"], unique=False)

    op.create_table(
        "issuance",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("aanvraag_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("approval_id", sa.Uuid(), nullable=False),
        sa.Column("approved_by", sa.Uuid(), nullable=False),
        sa.Column("four_eyes", sa.Boolean(), nullable=False),
        sa.Column("issued_by", sa.Uuid(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deadline", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sleutel_id", sa.Uuid(), nullable=False),
        sa.Column("z_number", sa.String(), nullable=False),
        sa.Column("zip", sa.LargeBinary(), nullable=True),
        sa.Column("password", sa.LargeBinary(), nullable=True),
        sa.Column("receipt_digest", sa.LargeBinary(), nullable=False),
        sa.Column("activation_mac", sa.LargeBinary(), nullable=True),
        sa.Column("activation_tries", sa.Integer(), nullable=False),
        sa.Column("activation_wait_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("released_by", sa.Uuid(), nullable=True),
        sa.Column("password_sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("copies", sa.Integer(), nullable=False),
        sa.Column("reminders", sa.Integer(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "end_reason",
            sa.Enum("done", "lapsed", "cancelled", name="end", native_enum=False, length=40),
            nullable=True,
        ),
        sa.CheckConstraint("(ended_at IS NULL) = (end_reason IS NULL)", name=op.f("ck_issuance_end_with_reason")),
        sa.CheckConstraint(
            "NOT four_eyes OR issued_by <> approved_by", name=op.f("ck_issuance_approver_is_not_issuer")
        ),
        sa.CheckConstraint(
            "ended_at IS NULL OR (zip IS NULL AND password IS NULL AND activation_mac IS NULL)",
            name=op.f("ck_issuance_nothing_sealed_after_end"),
        ),
        sa.CheckConstraint(
            "password_sent_at IS NULL OR password IS NULL", name=op.f("ck_issuance_password_gone_once_sent")
        ),
        sa.CheckConstraint(
            "password_sent_at IS NULL OR received_at IS NOT NULL OR released_at IS NOT NULL",
            name=op.f("ck_issuance_no_password_before_receipt"),
        ),
        sa.ForeignKeyConstraint(["aanvraag_id"], ["aanvraag.id"], name=op.f("fk_issuance_aanvraag_id")),
        sa.ForeignKeyConstraint(
            ["approval_id", "aanvraag_id", "approved_by", "four_eyes"],
            ["approval.id", "approval.aanvraag_id", "approval.approved_by", "approval.four_eyes"],
            name=op.f("fk_issuance_approval_id_aanvraag_id_approved_by_four_eyes"),
        ),
        sa.ForeignKeyConstraint(["issued_by"], ["account.id"], name=op.f("fk_issuance_issued_by")),
        sa.ForeignKeyConstraint(["released_by"], ["account.id"], name=op.f("fk_issuance_released_by")),
        sa.ForeignKeyConstraint(["sleutel_id"], ["sleutel.id"], name=op.f("fk_issuance_sleutel_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_issuance")),
        sa.UniqueConstraint("aanvraag_id", "number", name=op.f("uq_issuance_aanvraag_id_number")),
        sa.UniqueConstraint("receipt_digest", name=op.f("uq_issuance_receipt_digest")),
        sa.UniqueConstraint("sleutel_id", name=op.f("uq_issuance_sleutel_id")),
        sa.UniqueConstraint("z_number", name=op.f("uq_issuance_z_number")),
    )
    with op.batch_alter_table("issuance", schema=None) as batch_op:
        batch_op.create_index("ix_issuance_ended_at_deadline", ["ended_at", "deadline"], unique=False)
        batch_op.create_index(
            "uq_issuance_underway",
            ["aanvraag_id"],
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )
    for statement in TRIGGERS[op.get_bind().dialect.name]:
        op.execute(statement)


def downgrade() -> None:
    with op.batch_alter_table("issuance", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_issuance_underway",
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )
        batch_op.drop_index("ix_issuance_ended_at_deadline")

    op.drop_table("issuance")
    with op.batch_alter_table("approval", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_approval_aanvraag_id"))

    op.drop_table("approval")
    with op.batch_alter_table("aanvraag_note", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_aanvraag_note_aanvraag_id"))

    op.drop_table("aanvraag_note")
    with op.batch_alter_table("contact_challenge", schema=None) as batch_op:
        batch_op.drop_index("ix_contact_challenge_contact_id_created_at")

    op.drop_table("contact_challenge")
    with op.batch_alter_table("aanvraag", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_aanvraag_open",
            sqlite_where=sa.text("status IN ('approved', 'in_review', 'info_requested', 'submitted')"),
            postgresql_where=sa.text("status IN ('approved', 'in_review', 'info_requested', 'submitted')"),
        )
        batch_op.drop_index("ix_aanvraag_status_status_since")
        batch_op.drop_index("ix_aanvraag_gemeente_created_at")

    op.drop_table("aanvraag")
    with op.batch_alter_table("sleutel", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sleutel_gemeente"))
        batch_op.drop_index(batch_op.f("ix_sleutel_expires_at"))

    op.drop_table("sleutel")
    with op.batch_alter_table("role_grant", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_role_grant_account_id"))

    op.drop_table("role_grant")
    with op.batch_alter_table("portfolio_entry", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_portfolio_entry_gemeente"))
        batch_op.drop_index("ix_portfolio_entry_account_gemeente")

    op.drop_table("portfolio_entry")
    with op.batch_alter_table("login_session", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_login_session_seen_at"))
        batch_op.drop_index(batch_op.f("ix_login_session_account_id"))

    op.drop_table("login_session")
    with op.batch_alter_table("contact", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_contact_gemeente"))

    op.drop_table("contact")
    with op.batch_alter_table("outbox_message", schema=None) as batch_op:
        batch_op.drop_index("ix_outbox_message_status_due_at")
        batch_op.drop_index(batch_op.f("ix_outbox_message_dossier"))

    op.drop_table("outbox_message")
    op.drop_table("number_series")
    with op.batch_alter_table("gemeente", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_gemeente_sort_name"))

    op.drop_table("gemeente")
    op.drop_table("audit_private")
    with op.batch_alter_table("audit_event", schema=None) as batch_op:
        batch_op.drop_index("ix_audit_event_person_row")
        batch_op.drop_index("ix_audit_event_gemeente_row")
        batch_op.drop_index(batch_op.f("ix_audit_event_at"))

    op.drop_table("audit_event")
    op.drop_table("anonymous_refusal")
    op.drop_table("account")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION audit_event_insert_only()")
