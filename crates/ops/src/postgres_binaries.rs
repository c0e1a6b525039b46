//! Finding the programs of PostgreSQL on this machine.
