//! The program's own messages, on stderr.

use tracing_subscriber::EnvFilter;
use trefoil_clouds::registry;

use crate::settings::Settings;

/// Starts logging: warnings, more with `-v` and `-vv`, or what TREFOIL_LOG says.
pub fn start(settings: &Settings, colours: bool) {
    let level = match (settings.quiet, settings.verbose) {
        (true, _) => "error",
        (false, 0) => &warnings(),
        (false, 1) => "info",
        (false, _) => "debug",
    };
    let filter = settings.log.as_deref().unwrap_or(level);
    // Fails only where logging was started already, as in tests.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::builder().parse_lossy(filter))
        .with_writer(std::io::stderr)
        .with_ansi(colours)
        .try_init();
}

/// Warnings, except of those that warn of what is none.
fn warnings() -> String {
    let quieter = registry::TALKATIVE.map(|library| format!(",{library}=error"));
    format!("warn{}", quieter.concat())
}
