//! Suites that every driver must pass.

pub mod postgres;
