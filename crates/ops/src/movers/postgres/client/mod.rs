//! A client of ours for the replication protocol: it carries a stream where a server does not let
//! our role subscribe.
//!
//! [`progress`] is the stream's memory, a row in the subscriber's schema `trefoil` that is written
//! in the same transaction as the rows of the application: whatever dies whenever, a change is
//! there once or will be. [`copy`] carries what was there before the stream, from one snapshot;
//! [`feed`] brings changes, [`apply`] writes them in the order of their commits; [`serve`] is the
//! loop around both, and [`process`] the process that it runs in. That process is one of its own,
//! like the one that carries objects back, because a stream outlives the tool: the tool may die
//! while rows are copied, and ends when the soak begins.
//!
//! Rows are written as replication writes them (`session_replication_role`): triggers do not fire
//! and foreign keys are not checked, for what they did at the publisher is in the stream already.
//! Where our role may not set that, only schemas without triggers and foreign keys are carried;
//! preflight says so.

mod apply;
mod copy;
mod feed;
pub mod process;
pub mod progress;
mod serve;

pub(super) use feed::make_slot;
pub use feed::prove;
pub use serve::serve;
