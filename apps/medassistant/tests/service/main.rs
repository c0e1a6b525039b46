//! The built service, asked over HTTP, on a PostgreSQL server of the test's own.
#![allow(clippy::unwrap_used, reason = "a test may panic, also in its helpers")]

mod chat;
mod fences;
mod start;
mod support;
mod writes;
