//! Suites that every driver must pass.
