//! What changes the world: the log, the one engine, the actions, the movers of data, and the two
//! processes that stand beside an application (agent and edge).

pub mod actions;
pub mod agent;
pub mod backflow;
pub mod edge;
pub mod engine;
pub mod facts;
pub mod log;
pub mod movers;
pub mod postgres_binaries;
pub mod rehearsal;
mod serving;
pub mod state;
pub mod supervisor;

pub use trefoil_core::{Error, ErrorKind, Result};
