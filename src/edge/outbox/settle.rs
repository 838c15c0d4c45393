//! Waits for deliveries before a change is acknowledged: see [`crate::protocol::refresh`].

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

use super::consumer::Consumer;
use super::{Memory, Outbox};
use crate::edge::runtime::{now_millis, sleep, timeout};
use crate::protocol::refresh::{Lease, Next, next};

/// How long a write waits for deliveries at most.
const TIMEOUT: Duration = Duration::from_secs(1);
/// The delay before the first retry. It doubles with each one.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// A consumer whose data searches read.
pub(super) trait Searched: Consumer {
    /// Whether one delivery may leave changes pending.
    const SENDS_IN_PARTS: bool;

    fn lease(memory: &mut Memory) -> &mut Lease;

    fn in_flight(outbox: &Outbox) -> &Rc<InFlight>;
}

/// A consumer's deliveries in flight, and the tasks that wait for one of them to end.
#[derive(Default)]
pub(super) struct InFlight {
    count: Cell<usize>,
    ended: Cell<u64>,
    wakers: RefCell<Vec<Waker>>,
}

/// Counts a delivery as in flight until dropped.
pub(super) struct InFlightGuard(Rc<InFlight>);

impl InFlightGuard {
    pub fn begin(in_flight: &Rc<InFlight>) -> Self {
        in_flight.count.set(in_flight.count.get() + 1);
        Self(in_flight.clone())
    }
}

impl Drop for InFlightGuard {
    fn drop(&mut self) {
        self.0.count.set(self.0.count.get().saturating_sub(1));
        self.0.ended.set(self.0.ended.get() + 1);
        self.0.wakers.take().into_iter().for_each(Waker::wake);
    }
}

impl InFlight {
    async fn next_completed(&self) {
        let before = self.ended.get();
        poll_fn(|context| {
            if self.count.get() == 0 || self.ended.get() != before {
                return Poll::Ready(());
            }
            self.wakers.borrow_mut().push(context.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

/// Delivers the newest state even if other deliveries are in flight, and waits up to [`TIMEOUT`]. Returns
/// whether the consumer has it. Late arrivals are harmless, because the consumer compares versions. Failures
/// are retried here and by the alarm.
pub(super) async fn deliver_and_wait<C: Searched>(outbox: &Rc<Outbox>) -> bool {
    let delivered = timeout(TIMEOUT, async {
        let mut pause = FIRST_PAUSE;
        loop {
            outbox.remember(|memory| C::pace(memory).mark(now_millis()));
            match C::deliver(outbox).await {
                // There is more than fits into one message.
                Ok(true) if C::SENDS_IN_PARTS && C::has_pending(outbox) => {}
                Ok(true) => return,
                Ok(false) | Err(_) => {
                    sleep(pause).await;
                    pause *= 2;
                }
            }
        }
    });
    delivered.await.is_some()
}

/// Waits, up to [`TIMEOUT`], until the consumer has what was committed or its lease allows acknowledging the
/// change before that.
pub(super) async fn settle<C: Searched>(outbox: &Rc<Outbox>) {
    let next = || {
        let has_pending = C::has_pending(outbox);
        let lease = outbox.remember(|memory| *C::lease(memory));
        next(has_pending, lease, C::in_flight(outbox).count.get() > 0, now_millis())
    };
    if next() == Next::Acknowledge {
        return;
    }
    let settled = timeout(TIMEOUT, async {
        loop {
            match next() {
                Next::Acknowledge => return,
                Next::Wait => C::in_flight(outbox).next_completed().await,
                Next::Send => {
                    deliver_and_wait::<C>(outbox).await;
                }
            }
        }
    });
    settled.await.unwrap_or_default();
}
