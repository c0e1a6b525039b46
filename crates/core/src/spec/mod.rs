//! The specification: what the user wants to run, and where.

mod diagnostic;
mod mistakes;
mod model;
mod parse;
mod reference;
mod rules;
mod schema;
mod sections;
mod setting;
mod tree;
mod view;

pub use diagnostic::{Diagnostic, Severity, render};
pub use model::{
    Alarm, AppSpec, Application, Bucket, Budget, Cache, Chat, Comparison, Copies, Database,
    DatabaseSize, Environment, ExistingApplication, ExistingBucket, ExistingDatabase,
    ExistingSessions, Health, Job, LogLevel, Overrides, Processor, Profile, Recovery, Reference,
    Scale, Schedules, SessionStore, Size, Statistic, Triggers, Workload,
};
pub use parse::{Parsed, decode, misfit_at, parse};
pub use reference::markdown as reference;
pub use schema::json_schema;
pub use setting::{Setting, WrongSetting};
