"""Sums of use per month, shared costs, adjustments, and closed statements that refuse changes"""

# ruff: noqa: S608 - every name stands in this file

import sqlalchemy as sa
from alembic import op

from core.db.types import Json, String, UtcDateTime

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

SENTENCE = "a closed statement never changes"
APPEND_ONLY = {"statements": ("month",), "statement_lines": ("month", "number"), "adjustments": ("id",)}


def upgrade() -> None:
    """Go to this version."""
    _create_tables()
    op.add_column("model_calls", sa.Column("billed_month", String(7)))
    op.create_index(
        op.f("ix_model_calls_open"),
        "model_calls",
        ["started_at"],
        sqlite_where=sa.text("status = 'open'"),
        postgresql_where=sa.text("status = 'open'"),
    )
    _add_up_what_was_used()
    if op.get_bind().dialect.name == "sqlite":
        _protect_on_sqlite()
    else:
        _protect_on_postgresql()


def downgrade() -> None:
    """Go back to the version before."""
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    op.drop_index(op.f("ix_model_calls_open"), table_name="model_calls")
    op.drop_column("model_calls", "billed_month")
    for table in ("statement_lines", "statements", "adjustments", "split_rules", "shared_costs", "usage_months"):
        op.drop_table(table)
    if not is_sqlite:
        op.execute("DROP FUNCTION statements_refuse()")
        op.execute("DROP FUNCTION statement_lines_refuse_late()")


def _create_tables() -> None:
    op.create_table(
        "usage_months",
        sa.Column("billed_month", String(7), nullable=False),
        sa.Column("used_month", String(7), nullable=False),
        sa.Column("department", String(40), nullable=False),
        sa.Column("user_id", String(40), nullable=False),
        sa.Column("agent_id", String(40), nullable=False),
        sa.Column("key_id", String(40), nullable=False),
        sa.Column("provider", String(40), nullable=False),
        sa.Column("model", String(200), nullable=False),
        sa.Column("is_pool", sa.Boolean(), nullable=False),
        sa.Column("calls", sa.BigInteger(), nullable=False),
        sa.Column("input_tokens", sa.BigInteger(), nullable=False),
        sa.Column("output_tokens", sa.BigInteger(), nullable=False),
        sa.Column("cost_micros", sa.BigInteger(), nullable=False),
        sa.Column("unpriced_calls", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "billed_month",
            "used_month",
            "department",
            "user_id",
            "agent_id",
            "key_id",
            "provider",
            "model",
            "is_pool",
            name=op.f("pk_usage_months"),
        ),
    )
    op.create_table(
        "shared_costs",
        sa.Column("id", String(40), nullable=False),
        sa.Column("name", String(80), nullable=False),
        sa.Column("amount_micros", sa.BigInteger(), nullable=False),
        sa.Column("first_month", String(7), nullable=False),
        sa.Column("last_month", String(7)),
        sa.Column("rule", String(20)),
        sa.Column("percents", Json(), nullable=False),
        sa.Column("created_by", String(40), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"], name=op.f("fk_shared_costs_created_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shared_costs")),
    )
    op.create_table(
        "split_rules",
        sa.Column("name", String(20), nullable=False),
        sa.Column("rule", String(20), nullable=False),
        sa.Column("percents", Json(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_split_rules")),
    )
    op.create_table(
        "adjustments",
        sa.Column("id", String(40), nullable=False),
        sa.Column("month", String(7), nullable=False),
        sa.Column("department", String(40), nullable=False),
        sa.Column("amount_micros", sa.BigInteger(), nullable=False),
        sa.Column("reason", String(200), nullable=False),
        sa.Column("reverses", String(40)),
        sa.Column("created_by", String(40), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"], name=op.f("fk_adjustments_created_by")),
        sa.ForeignKeyConstraint(["department"], ["departments.slug"], name=op.f("fk_adjustments_department")),
        sa.ForeignKeyConstraint(["reverses"], ["adjustments.id"], name=op.f("fk_adjustments_reverses")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_adjustments")),
        sa.UniqueConstraint("reverses", name=op.f("uq_adjustments_reverses")),
    )
    op.create_index(op.f("ix_adjustments_month"), "adjustments", ["month"])
    op.create_table(
        "statements",
        sa.Column("month", String(7), nullable=False),
        sa.Column("closed_at", UtcDateTime(), nullable=False),
        sa.Column("closed_by", String(40), nullable=False),
        sa.Column("closed_by_name", String(120), nullable=False),
        sa.Column("total_micros", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("month", name=op.f("pk_statements")),
    )
    op.create_table(
        "statement_lines",
        sa.Column("month", String(7), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", String(20), nullable=False),
        sa.Column("department", String(40), nullable=False),
        sa.Column("micros", sa.BigInteger(), nullable=False),
        sa.Column("heads", sa.Integer()),
        sa.Column("own_cents", sa.BigInteger()),
        sa.Column("pool_cents", sa.BigInteger()),
        sa.Column("shared_cents", sa.BigInteger()),
        sa.Column("adjustments_cents", sa.BigInteger()),
        sa.Column("user_id", String(40)),
        sa.Column("agent_id", String(40)),
        sa.Column("agent", String(80)),
        sa.Column("provider", String(40)),
        sa.Column("model", String(200)),
        sa.Column("is_pool", sa.Boolean()),
        sa.Column("used_month", String(7)),
        sa.Column("calls", sa.BigInteger()),
        sa.Column("input_tokens", sa.BigInteger()),
        sa.Column("output_tokens", sa.BigInteger()),
        sa.Column("unpriced_calls", sa.BigInteger()),
        sa.Column("item_id", String(40)),
        sa.Column("label", String(200)),
        sa.Column("whole_micros", sa.BigInteger()),
        sa.Column("rule", String(20)),
        sa.Column("reverses", String(40)),
        sa.Column("person", String(120)),
        sa.Column("email", String(254)),
        sa.Column("at", UtcDateTime()),
        sa.PrimaryKeyConstraint("month", "number", name=op.f("pk_statement_lines")),
    )


def _add_up_what_was_used() -> None:
    """Book the calls so far to the months they were sent in: none was closed yet."""
    month = "strftime('%Y-%m', started_at)"
    if op.get_bind().dialect.name == "postgresql":
        month = "to_char(started_at AT TIME ZONE 'UTC', 'YYYY-MM')"
    counted = "status IN ('answered', 'interrupted')"
    op.execute(f"UPDATE model_calls SET billed_month = {month} WHERE {counted}")
    op.execute(
        f"INSERT INTO usage_months SELECT billed_month, billed_month, COALESCE(department, ''), user_id, "
        "COALESCE(agent_id, ''), key_id, provider, model, is_pool, COUNT(*), COALESCE(SUM(input_tokens), 0), "
        "COALESCE(SUM(output_tokens), 0), COALESCE(SUM(cost_micros), 0), "
        f"SUM(CASE WHEN cost_micros IS NULL THEN 1 ELSE 0 END) FROM model_calls WHERE {counted} "
        "GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9"
    )


def _protect_on_sqlite() -> None:
    abort = f"BEGIN SELECT RAISE(ABORT, '{SENTENCE}'); END"
    for table, key in APPEND_ONLY.items():
        same = " AND ".join(f"{column} = NEW.{column}" for column in key)
        op.execute(f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} {abort}")
        op.execute(f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} {abort}")
        # INSERT OR REPLACE deletes without asking the trigger above.
        op.execute(
            f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} "
            f"WHEN EXISTS (SELECT 1 FROM {table} WHERE {same}) {abort}"
        )
    for table in ("statement_lines", "adjustments"):
        op.execute(
            f"CREATE TRIGGER {table}_no_late_line BEFORE INSERT ON {table} "
            f"WHEN EXISTS (SELECT 1 FROM statements WHERE month = NEW.month) {abort}"
        )


def _protect_on_postgresql() -> None:
    op.execute(
        "CREATE FUNCTION statements_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{SENTENCE}'; END $$"
    )
    op.execute(
        "CREATE FUNCTION statement_lines_refuse_late() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN IF EXISTS (SELECT 1 FROM statements WHERE month = NEW.month) THEN "
        f"RAISE EXCEPTION '{SENTENCE}'; END IF; RETURN NEW; END $$"
    )
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION statements_refuse()"
        )
    for table in ("statement_lines", "adjustments"):
        op.execute(
            f"CREATE TRIGGER {table}_no_late_line BEFORE INSERT ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION statement_lines_refuse_late()"
        )
