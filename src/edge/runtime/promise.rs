//! Promises as futures, and futures as promises.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use js_sys::Promise;
use js_sys::futures::{JsFuture, future_to_promise};
use wasm_bindgen::prelude::*;

use super::{JsError, JsResult};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(callback: &js_sys::Function, ms: u32) -> JsValue;
    #[wasm_bindgen(js_name = clearTimeout)]
    fn clear_timeout(id: &JsValue);
}

/// Starts some work. Gives its result if it need not wait, otherwise a promise of it.
///
/// # Errors
/// Those of the work, if it did not wait.
pub(crate) fn spawn_or_ready(work: impl Future<Output = JsResult> + 'static) -> JsResult {
    let mut work = Box::pin(work);
    // A promise that is polled again takes the new waker, so this first poll may have none.
    match work.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => Ok(future_to_promise(work).into()),
    }
}

/// Waits for a promise that a call of the runtime gave.
///
/// # Errors
/// What the call threw, or the promise was rejected with.
pub(crate) async fn await_promise(promise: Result<Promise, JsError>) -> JsResult {
    JsFuture::from(promise?).await
}

/// Waits for `work`, but no longer than `limit`. Work that takes longer is abandoned; what it has
/// asked of the runtime may still happen.
pub(crate) async fn timeout<T>(limit: Duration, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    let mut timer = pin!(sleep(limit));
    poll_fn(|context| match work.as_mut().poll(context) {
        Poll::Ready(result) => Poll::Ready(Some(result)),
        Poll::Pending => timer.as_mut().poll(context).map(|()| None),
    })
    .await
}

/// Waits for both, side by side.
pub(crate) async fn join(a: impl Future<Output = ()>, b: impl Future<Output = ()>) {
    let mut a = pin!(a);
    let mut b = pin!(b);
    let (mut a_waits, mut b_waits) = (true, true);
    poll_fn(|context| {
        a_waits = a_waits && a.as_mut().poll(context).is_pending();
        b_waits = b_waits && b.as_mut().poll(context).is_pending();
        if a_waits || b_waits { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
}

/// Waits that long.
pub(crate) async fn sleep(time: Duration) {
    let timer = Timer::start(time);
    // A timer is never rejected.
    drop(JsFuture::from(timer.promise.clone()).await);
}

/// A timer that is cleared when nobody waits for it any more: one that runs keeps its object awake,
/// which is billed.
struct Timer {
    promise: Promise,
    id: Rc<Cell<JsValue>>,
}

impl Timer {
    fn start(time: Duration) -> Self {
        let ms = u32::try_from(time.as_millis()).unwrap_or(u32::MAX);
        let id = Rc::new(Cell::new(JsValue::UNDEFINED));
        let promise = Promise::new(&mut |resolve, _| id.set(set_timeout(&resolve, ms)));
        Self { promise, id }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        clear_timeout(&self.id.take());
    }
}
