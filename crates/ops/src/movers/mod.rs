//! Movers of data.
pub mod postgres;
