//! The specification: what the user wants to run, and where.

mod model;

pub use model::{
    AppSpec, Application, Bucket, Database, Environment, Health, LogLevel, SessionStore,
};
