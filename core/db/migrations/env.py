"""Runs migrations on the connection that ``core.db.migrate`` hands over."""

from alembic import context

from core.db.tables import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    compare_type=True,
    render_as_batch=connection.dialect.name == "sqlite",
    # DBOS keeps its own tables in this schema.
    include_name=lambda name, kind, _parents: not (kind == "schema" and name == "dbos"),
)
with context.begin_transaction():
    context.run_migrations()
