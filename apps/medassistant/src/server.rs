//! Listening, and ending well.

use std::sync::Arc;
use std::time::Duration;

use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use trefoil_clouds::{Error, Result};

use crate::app::App;
use crate::config::Config;
use crate::routes::router;
use crate::upkeep;

/// How long requests in flight may take to end after a signal; well below the 10 s in which the
/// process has to be gone.
const DRAIN: Duration = Duration::from_secs(8);

/// Serves until SIGTERM or SIGINT; then lets requests end.
pub(crate) async fn serve(config: Config) -> Result<()> {
    let app = Arc::new(App::open(&config)?);
    if !config.has_database() {
        tracing::warn!("DATABASE_URL is not set: documents and notes are refused");
    }
    let address = (config.host, config.port);
    let listener = TcpListener::bind(address).await.map_err(|error| {
        let why = format!("{}:{} cannot be listened on", config.host, config.port);
        Error::missing("port", why).because(error)
    })?;
    let stop = stop_signal()?;
    let upkeep = tokio::spawn(upkeep::run(app.clone()));
    tracing::info!(host = %config.host, port = config.port, "serving");
    let (asked, drained) = (wait_for(stop.clone()), wait_for(stop));
    // Small answers are sent at once rather than gathered.
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps gathering");
        }
    });
    let serving = axum::serve(listener, router(app)).with_graceful_shutdown(asked);
    tokio::select! {
        result = serving => result.map_err(|error| {
            Error::failed("serve", "serving ended").because(error)
        })?,
        () = async { drained.await; tokio::time::sleep(DRAIN).await } => {
            tracing::warn!(seconds = DRAIN.as_secs(), "requests that did not end in time are cut");
        }
    }
    upkeep.abort();
    tracing::info!("stopped");
    Ok(())
}

/// Becomes true with the first SIGTERM or SIGINT.
fn stop_signal() -> Result<watch::Receiver<bool>> {
    let listen = |kind| {
        signal(kind)
            .map_err(|error| Error::failed("signals", "signals cannot be received").because(error))
    };
    let mut terminate = listen(SignalKind::terminate())?;
    let mut interrupt = listen(SignalKind::interrupt())?;
    let (asked, stop) = watch::channel(false);
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("asked to stop; requests in flight may end");
        asked.send_replace(true);
    });
    Ok(stop)
}

async fn wait_for(mut stop: watch::Receiver<bool>) {
    // An error means that nobody can ask any more, so there is nothing to wait for.
    let _ = stop.wait_for(|asked| *asked).await;
}
