"""Every sealed secret stands in a declared column: rotation and recovery know no others."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from sqlalchemy import LargeBinary

from core.config import ROOT
from core.db.sealed import SealedColumn, registered, sealed_columns
from core.db.tables import metadata
from core.security.sealing import KeyRing, Vault

COLUMNS = sealed_columns()
# Where something is sealed, and for which columns. The vault refuses what is not declared; this list says that
# nobody has forgotten to think of what happens when the master key is lost.
SEALERS = {
    "core/audit/segments.py": {"audit_segments.key_sealed"},
    "core/db/installation.py": {"installation.cookie_sealed"},
    "core/idempotency/service.py": {"idempotency_keys.answer_sealed"},
    "core/keys/changes.py": {"keys.secret_sealed"},
    "core/keys/service.py": {"keys.secret_sealed"},
    "core/notify/outbox.py": {"mail_outbox.body_sealed"},
    "core/notify/service.py": {"mail_outbox.body_sealed"},
    "core/oauth/service.py": {"oauth_flows.verifier_sealed"},
    "core/oauth/tokens.py": {"identities.token_sealed"},
    "core/triggers/service.py": {"triggers.secret_sealed"},
    "core/webhooks/service.py": {"webhooks.secret_sealed", "webhooks.previous_sealed"},
    "core/two_factor/service.py": {"users.totp_sealed"},
}


def name(column: SealedColumn) -> str:
    return f"{column.table.name}.{column.column.name}"


def seals(path: Path) -> bool:
    """Whether a file calls the method ``seal`` of a vault."""
    calls = (node.func for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call))
    return any(
        isinstance(called, ast.Attribute)
        and called.attr in ("seal", "seal_text")
        and "vault" in ast.unparse(called.value)
        for called in calls
    )


def test_every_column_that_is_called_sealed_is_declared_and_the_other_way_round() -> None:
    called = {
        f"{table.name}.{c.name}" for table in metadata.tables.values() for c in table.columns if "sealed" in c.name
    }
    assert called == {name(column) for column in COLUMNS}


def test_whoever_seals_is_in_the_list_with_a_declared_column() -> None:
    found = {str(path.relative_to(ROOT)) for path in (ROOT / "core").rglob("*.py") if seals(path)}
    assert found == set(SEALERS)
    assert set.union(*SEALERS.values()) == {name(column) for column in COLUMNS}


@pytest.mark.parametrize("column", COLUMNS, ids=name)
def test_a_declared_column_can_be_walked_and_bound(column: SealedColumn) -> None:
    assert isinstance(column.column.type, LargeBinary)
    assert list(column.table.primary_key.columns) == [column.row]
    assert set(column.bound_to.values()) <= set(column.table.columns.keys())
    assert column.what
    assert column.what[0].isupper()


def test_no_two_columns_share_table_and_field() -> None:
    assert len(registered()) == len(COLUMNS)


def test_the_vault_refuses_to_seal_for_a_column_that_is_not_declared() -> None:
    vault = Vault(KeyRing({1: b"1" * 32}), "inst_1", registered())
    vault.seal("zk-0123456789", table="keys", field="secret", row="key_1")
    for table, field in (("keys", "other"), ("tools", "secret")):
        with pytest.raises(AssertionError, match="declare the column"):
            vault.seal("zk-0123456789", table=table, field=field, row="key_1")
