"""Steps from one version of the tables to the next, by alembic (`store.migrate`); the first makes all tables."""
