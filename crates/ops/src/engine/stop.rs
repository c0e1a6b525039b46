//! A person's wish that the engine stop, usually Ctrl-C.

use std::sync::Arc;

use tokio::sync::watch;

/// What the engine looks at: whether it was asked to stop.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<bool>);

/// Asks the engine to stop.
#[derive(Debug, Clone)]
pub struct StopHandle(Arc<watch::Sender<bool>>);

impl Stop {
    /// A pair of the asker and what the engine looks at.
    pub fn new() -> (StopHandle, Stop) {
        let (sender, receiver) = watch::channel(false);
        (StopHandle(Arc::new(sender)), Stop(receiver))
    }

    /// Nobody asks.
    pub fn never() -> Stop {
        Self::new().1
    }

    /// Ends when the engine is asked to stop; never when nobody can ask any more.
    pub(super) async fn asked(&self) {
        if self.0.clone().wait_for(|asked| *asked).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl StopHandle {
    /// Asks. The engine ends what it may not leave half done, and then returns.
    pub fn ask(&self) {
        self.0.send_replace(true);
    }
}
