//! The agent of an environment: owns its PostgreSQL server and its instances.
