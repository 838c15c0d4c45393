//! What is waited for before a change is acknowledged: see [`crate::protocol::refresh`].

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

use super::consumer::Consumer;
use super::{Memory, Outbox};
use crate::edge::runtime::{now_millis, sleep, timeout};
use crate::protocol::refresh::{Lease, Next, next};

/// How long the caller of a write waits.
const LIMIT: Duration = Duration::from_secs(1);
/// How long until a telling that failed is tried again, for the first time.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// A consumer that searches depend on.
pub(super) trait Searched: Consumer {
    /// Whether one telling may leave something untold.
    const TAKES_PARTS: bool;

    fn lease(memory: &mut Memory) -> &mut Lease;

    fn tellings(outbox: &Outbox) -> &Rc<Tellings>;
}

/// Tellings of a consumer that are under way, and who waits for one of them to end.
#[derive(Default)]
pub(super) struct Tellings {
    count: Cell<usize>,
    ended: Cell<u64>,
    wakers: RefCell<Vec<Waker>>,
}

/// A telling that is under way, until this is dropped.
pub(super) struct UnderWay(Rc<Tellings>);

impl UnderWay {
    pub fn begin(tellings: &Rc<Tellings>) -> Self {
        tellings.count.set(tellings.count.get() + 1);
        Self(tellings.clone())
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.count.set(self.0.count.get().saturating_sub(1));
        self.0.ended.set(self.0.ended.get() + 1);
        self.0.wakers.take().into_iter().for_each(Waker::wake);
    }
}

impl Tellings {
    async fn one_has_ended(&self) {
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

/// Tells the newest there is, whatever is under way, and waits for it, a second at most; whether the
/// consumer knows. Versions see to it that what arrives late does no harm. What fails is tried again, by the
/// alarm too.
pub(super) async fn tell_and_wait<C: Searched>(outbox: &Rc<Outbox>) -> bool {
    let told = timeout(LIMIT, async {
        let mut pause = FIRST_PAUSE;
        loop {
            outbox.remember(|memory| C::pace(memory).mark(now_millis()));
            match C::tell(outbox).await {
                // More has come than fits into a message.
                Ok(true) if C::TAKES_PARTS && C::is_behind(outbox) => {}
                Ok(true) => return,
                Ok(false) | Err(_) => {
                    sleep(pause).await;
                    pause *= 2;
                }
            }
        }
    });
    told.await.is_some()
}

/// Waits until the consumer has been told what was committed, or it may be acknowledged before; a second at
/// most.
pub(super) async fn settle<C: Searched>(outbox: &Rc<Outbox>) {
    let next = || {
        let is_behind = C::is_behind(outbox);
        let lease = outbox.remember(|memory| *C::lease(memory));
        next(is_behind, lease, C::tellings(outbox).count.get() > 0, now_millis())
    };
    if next() == Next::Acknowledge {
        return;
    }
    let settled = timeout(LIMIT, async {
        loop {
            match next() {
                Next::Acknowledge => return,
                Next::Wait => C::tellings(outbox).one_has_ended().await,
                Next::Tell => {
                    tell_and_wait::<C>(outbox).await;
                }
            }
        }
    });
    settled.await.unwrap_or_default();
}
