//! Futures that JavaScript drives.
//!
//! An await hands one promise to a loop in runtime.js, which comes back with what became of it: one
//! call for an await, without closures or a queue of tasks. What need not wait is answered in the
//! call that asks, without a promise.
//!
//! A task waits for one promise at a time, so futures are never joined or selected: see [`within`].

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use js_sys::Promise;
use wasm_bindgen::prelude::*;

use super::runtime::{self, JsError};

/// What a task ends with.
pub(super) type JsResult = Result<JsValue, JsError>;

/// Work that waits for a promise.
#[wasm_bindgen]
pub struct Task(Pin<Box<dyn Future<Output = JsResult>>>);

#[wasm_bindgen]
impl Task {
    /// Goes on to the next await, or to the end. `undefined`: it waits.
    ///
    /// # Errors
    /// Those of the work itself.
    pub fn poll(&mut self) -> JsResult {
        match self.0.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(outcome) => outcome,
            Poll::Pending => Ok(JsValue::UNDEFINED),
        }
    }
}

/// Begins some work: gives its outcome, which is never `undefined`, or if it waits a promise of it.
///
/// # Errors
/// Those of the work itself, if it did not wait.
pub(super) fn start(work: impl Future<Output = JsResult> + 'static) -> JsResult {
    let mut task = Task(Box::pin(work));
    let outcome = task.poll()?;
    Ok(if outcome.is_undefined() { runtime::finish(task).into() } else { outcome })
}

/// Waits for a promise that a call of the runtime gave.
///
/// # Errors
/// What the call threw, or the promise was rejected with.
pub(super) async fn wait(promise: Result<Promise, JsError>) -> JsResult {
    Wait(Some(promise?)).await
}

/// Waits for `work`, but no longer than `limit`. What takes longer goes on unheard.
pub(super) async fn within<T: 'static>(
    limit: Duration,
    work: impl Future<Output = T> + 'static,
) -> Option<T> {
    let place = Rc::new(Cell::new(None));
    let done = {
        let place = place.clone();
        start(async move {
            place.set(Some(work.await));
            Ok(JsValue::NULL)
        })
    };
    if let Ok(promise) = done.and_then(JsCast::dyn_into::<Promise>) {
        // The place tells how it ended.
        drop(wait(Ok(runtime::within(&promise, millis(limit)))).await);
    }
    place.take()
}

/// Waits that long.
pub(super) async fn sleep(time: Duration) {
    drop(wait(Ok(runtime::sleep(millis(time)))).await);
}

fn millis(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
}

/// One await.
struct Wait(Option<Promise>);

impl Future for Wait {
    type Output = JsResult;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<JsResult> {
        match self.0.take() {
            Some(promise) => {
                runtime::suspend(&promise);
                Poll::Pending
            }
            None => Poll::Ready(runtime::resume()),
        }
    }
}
