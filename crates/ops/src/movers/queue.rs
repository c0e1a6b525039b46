//! Units of work on their way to workers. One process is enough until a move outgrows it; then a
//! queue between machines takes the place of the one here, behind the same trait.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use tokio::sync::mpsc;

use crate::{Error, Result};

/// A queue of units of work with one producer. A unit can be delivered more than once by a queue
/// that outlives its workers, so working on it is idempotent.
#[async_trait]
pub trait Queue<U: Send + 'static>: Send + Sync {
    /// Adds a unit; waits while the queue is full.
    async fn push(&self, unit: U) -> Result<()>;
    /// Says that no more will be added.
    fn close(&self);
    /// The next unit; `None` when the queue is closed and empty.
    async fn take(&self) -> Result<Option<Delivery<U>>>;
    /// Says that a unit is done and its result recorded: it is never delivered again.
    async fn done(&self, ticket: Ticket) -> Result<()>;
}

/// A unit with what acknowledges it.
#[derive(Debug)]
pub struct Delivery<U> {
    /// The unit.
    pub unit: U,
    /// What to give to [`Queue::done`].
    pub ticket: Ticket,
}

/// What acknowledges a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket(u64);

/// The queue in this process. It ends with its workers, so it delivers each unit once.
pub struct InProcess<U> {
    sender: Mutex<Option<mpsc::Sender<U>>>,
    receiver: tokio::sync::Mutex<(mpsc::Receiver<U>, u64)>,
}

impl<U> InProcess<U> {
    /// A queue that holds so many units.
    pub fn new(limit: usize) -> Self {
        let (sender, receiver) = mpsc::channel(limit);
        let receiver = tokio::sync::Mutex::new((receiver, 0));
        Self { sender: Mutex::new(Some(sender)), receiver }
    }

    fn sender(&self) -> Option<mpsc::Sender<U>> {
        self.sender.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl<U: Send + 'static> Queue<U> for InProcess<U> {
    async fn push(&self, unit: U) -> Result<()> {
        let closed = || Error::failed("queue_closed", "work was added to a queue that is closed");
        self.sender().ok_or_else(closed)?.send(unit).await.map_err(|_| closed())
    }

    fn close(&self) {
        self.sender.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    async fn take(&self) -> Result<Option<Delivery<U>>> {
        let mut receiver = self.receiver.lock().await;
        let Some(unit) = receiver.0.recv().await else { return Ok(None) };
        receiver.1 += 1;
        Ok(Some(Delivery { unit, ticket: Ticket(receiver.1) }))
    }

    async fn done(&self, _ticket: Ticket) -> Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn units_come_out_in_their_order_until_it_is_closed() {
        let queue = InProcess::new(2);
        queue.push("a").await.unwrap();
        queue.push("b").await.unwrap();
        queue.close();
        let mut seen = Vec::new();
        while let Some(delivery) = queue.take().await.unwrap() {
            seen.push(delivery.unit);
            queue.done(delivery.ticket).await.unwrap();
        }
        assert_eq!(seen, ["a", "b"]);
        assert_eq!(queue.push("c").await.unwrap_err().code(), "queue_closed");
    }

    #[tokio::test]
    async fn a_full_queue_makes_its_producer_wait() {
        let queue = InProcess::new(1);
        queue.push(1).await.unwrap();
        let second = tokio::time::timeout(Duration::from_millis(50), queue.push(2)).await;
        assert!(second.is_err());
        assert_eq!(queue.take().await.unwrap().unwrap().unit, 1);
        queue.push(3).await.unwrap();
    }
}
