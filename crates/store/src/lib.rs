//! SQLite and PostgreSQL behind one interface: migrations, transactions, the idempotency log.
