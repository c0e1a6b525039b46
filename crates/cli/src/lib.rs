//! The command line: arguments, settings, printer, one file per command. It shows, and decides
//! nothing.

pub mod args;
pub mod commands;
pub mod confirm;
pub mod context;
pub mod errors;
pub mod interrupt;
pub mod logging;
pub mod printer;
pub mod progress;
pub mod reference;
pub mod runner;
pub mod settings;
pub mod specification;
mod start;
pub mod table;
pub mod world;

pub use context::Cx;
pub use errors::ExitStatus;
pub use start::main;
pub use trefoil_core::{Error, ErrorKind, Result};
