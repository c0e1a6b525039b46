//! Moving a live PostgreSQL database.
