//! Suites that every driver must pass: one behaviour per function, over the portable types, chosen
//! by declared capability. A driver's test file names a function that makes a fixture:
//!
//! ```text
//! async fn fresh() -> Fixture<Objects> { ... }
//! trefoil_clouds::objects_conformance!(fresh);
//! ```
//!
//! They panic where a driver does not behave, for only tests use them.

pub mod chat;
pub mod database;
pub mod faults;
pub mod objects;
pub mod postgres;
pub mod secrets;
pub mod sessions;
pub mod small_disk;
pub mod stand_ins;

use std::any::Any;
use std::io::Write;

/// A service that is empty, and whatever keeps it alive.
pub struct Fixture<T> {
    /// A handle.
    pub first: T,
    /// Another handle to the same service, opened by itself, as another process would.
    pub second: T,
    /// Ends the service when it is dropped.
    pub keep: Box<dyn Any + Send + Sync>,
}

/// Says that a test was not run, and why, for `scripts/test` to list. The test runner keeps what a
/// test prints by the macros, and shows it of failed tests only; this goes past it. On a line of its
/// own, which the runner may just have begun.
pub fn skipped(why: &str) {
    // Nobody to tell is no reason to fail.
    let _ = std::io::stderr().write_all(format!("\nskipped: {why}\n").as_bytes());
}

/// Makes one test of each behaviour of a suite. The suites' own macros call it.
#[macro_export]
macro_rules! conformance_suite {
    ($suite:ident, $fresh:path, $($behaviour:ident)+) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $behaviour() {
                $crate::conformance::$suite::$behaviour(&$fresh().await).await;
            }
        )+
    };
}
