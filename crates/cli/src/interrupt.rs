//! Ctrl-C and the termination signal.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::{Error, ErrorKind};

/// Says when the person wants the command to end. A command that does nothing about it is dropped
/// where it waits; one that has to clean up takes it over and ends by itself.
#[derive(Debug, Clone)]
pub struct Interrupt {
    asked: watch::Receiver<bool>,
    taken: Arc<AtomicBool>,
}

/// The side that asks.
#[derive(Debug)]
pub struct Asker(watch::Sender<bool>);

impl Interrupt {
    /// An interrupt that nobody has asked for, and the side that asks.
    pub fn new() -> (Asker, Interrupt) {
        let (sender, asked) = watch::channel(false);
        (Asker(sender), Interrupt { asked, taken: Arc::default() })
    }

    /// Waits until the person asks for the end; for ever if nobody does.
    pub async fn asked(&self) {
        let mut asked = self.asked.clone();
        if asked.wait_for(|asked| *asked).await.is_err() {
            // Nobody can ask any more.
            std::future::pending::<()>().await;
        }
    }

    /// From now on the command ends by itself when [`Interrupt::asked`] returns.
    pub fn take_over(&self) {
        self.taken.store(true, Ordering::SeqCst);
    }

    /// Runs a command until its end, or until the person asks for the end and the command has not
    /// taken that over.
    pub async fn run<T>(
        &self,
        command: impl Future<Output = crate::Result<T>>,
    ) -> crate::Result<T> {
        tokio::pin!(command);
        tokio::select! {
            result = &mut command => return result,
            () = self.asked() => {}
        }
        if self.taken.load(Ordering::SeqCst) { command.await } else { Err(interrupted()) }
    }
}

/// The error of a command that ends because the person asked for it.
pub fn interrupted() -> Error {
    Error::new(ErrorKind::Interrupted, "interrupted", "interrupted")
}

impl Asker {
    /// Asks for the end.
    pub fn ask(&self) {
        // Fails only when nobody listens any more.
        let _ = self.0.send(true);
    }

    /// Asks at the first Ctrl-C or termination signal; ends the process at the second. From the
    /// return of this call on no signal is lost; the future has to be run.
    ///
    /// Errors: the machine refuses to tell about signals. Panics outside a runtime.
    pub fn listen(self) -> std::io::Result<impl Future<Output = ()> + Send + 'static> {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        Ok(async move {
            for first in [true, false] {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
                if first {
                    self.ask();
                }
            }
            std::process::exit(i32::from(ErrorKind::Interrupted.exit_code()));
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Result;

    #[tokio::test]
    async fn a_command_that_waits_is_dropped() {
        let (asker, interrupt) = Interrupt::new();
        asker.ask();
        let result: Result<()> = interrupt.run(std::future::pending()).await;
        assert_eq!(result.unwrap_err().kind().exit_code(), 130);
    }

    #[tokio::test]
    async fn a_command_that_takes_over_ends_by_itself() {
        let (asker, interrupt) = Interrupt::new();
        let inner = interrupt.clone();
        let command = async move {
            inner.take_over();
            inner.asked().await;
            tokio::task::yield_now().await;
            Ok("cleaned up")
        };
        let ask = async {
            tokio::task::yield_now().await;
            asker.ask();
        };
        let (result, ()) = tokio::join!(interrupt.run(command), ask);
        assert_eq!(result.unwrap(), "cleaned up");
    }

    #[tokio::test]
    async fn nobody_asks() {
        let (_asker, interrupt) = Interrupt::new();
        assert_eq!(interrupt.run(async { Ok(5) }).await.unwrap(), 5);
    }
}
