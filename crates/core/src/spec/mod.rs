//! The specification: what the user wants to run, and where.

mod diagnostic;
mod mistakes;
mod model;
mod parse;
mod rules;
mod schema;
mod sections;
mod tree;

pub use diagnostic::{Diagnostic, Severity, render};
pub use model::{
    AppSpec, Application, Bucket, Database, Environment, Health, LogLevel, SessionStore,
};
pub use parse::{Parsed, parse};
pub use schema::json_schema;
