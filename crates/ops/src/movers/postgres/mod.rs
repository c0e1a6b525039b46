//! Moving a live PostgreSQL database with the server's own logical replication.
//!
//! The order of a move, and what each part is for:
//!
//! 1. [`preflight`] lists what stands in the way; [`bookkeeping`] keeps on each server what is
//!    needed to put it back; [`access`] records who may use a database, closes and opens it.
//! 2. [`schema`] carries the tables, [`bulk`] their rows and then their keys, and [`schema`]
//!    everything else.
//! 3. [`stream`] carries every change from then on, by the servers themselves or by our own
//!    [`client`]; [`lag`] waits for it and notices that it fails.
//! 4. [`verify`] compares every row of both sides while they change.
//!    Meanwhile [`ddl`] follows what people change in the schema.
//! 5. In the window: the fence ([`access::close_as`]), [`marker::drain`], [`sequences::carry`],
//!    [`verify::recheck`], [`stream::detach`], and [`access::open`] on the other side.
//!
//! Every function may be called again after the process died inside it.

pub mod access;
pub(crate) mod archive;
pub mod bookkeeping;
mod bulk;
pub mod catalog;
pub mod client;
pub mod connect;
pub mod ddl;
pub mod fingerprint;
pub mod guard;
pub mod lag;
pub mod large_objects;
pub mod marker;
pub mod paths;
pub mod preflight;
pub mod prepare;
pub mod rights;
pub mod roles;
pub mod schema;
pub mod sequences;
pub mod shape;
pub mod sql;
pub mod stream;
pub mod unlogged;
pub mod validate;
pub mod verify;

pub use connect::{KeptSessions, Pair, Server};
