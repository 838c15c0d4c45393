//! Promises as futures, and futures as promises.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use js_sys::Promise;
use js_sys::futures::{JsFuture, future_to_promise};
use wasm_bindgen::prelude::*;

use super::{JsError, JsResult};

#[wasm_bindgen]
extern "C" {
    // The `worker` crate's `Delay` keeps the waker of its first poll, and `spawn_or_ready` polls first without one.
    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(callback: &Closure<dyn FnMut()>, ms: u32) -> JsValue;
    #[wasm_bindgen(js_name = clearTimeout)]
    fn clear_timeout(id: &JsValue);

    // `js_sys` has no `then` for closures that return a promise or throw.
    #[wasm_bindgen(extends = js_sys::Object)]
    type Thenable;
    #[wasm_bindgen(method, js_name = then)]
    fn then_call(this: &Thenable, done: &JsValue, failed: &JsValue) -> JsValue;
}

/// A callback that serves all requests.
pub(crate) type Callback = Closure<dyn FnMut(JsValue) -> JsResult>;

/// Calls `done` or `failed` when a promise is settled; either may be undefined. Returns a promise of the result.
pub(crate) fn then(promise: &Promise, done: &JsValue, failed: &JsValue) -> JsValue {
    promise.unchecked_ref::<Thenable>().then_call(done, failed)
}

/// A single type for all promises, so that the module contains the code that drives them only once.
type Work = Pin<Box<dyn Future<Output = JsResult>>>;

pub(crate) fn promise_of(work: impl Future<Output = JsResult> + 'static) -> Promise {
    let work: Work = Box::pin(work);
    future_to_promise(work)
}

/// Starts a future. Returns its result if it is ready at once, otherwise a promise.
pub(crate) fn spawn_or_ready(work: impl Future<Output = JsResult> + 'static) -> JsResult {
    let mut work: Work = Box::pin(work);
    // The next poll replaces the waker, so the first one needs none.
    match work.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => Ok(future_to_promise(work).into()),
    }
}

/// Awaits a promise that the runtime returned.
pub(crate) async fn await_promise(promise: Result<Promise, JsError>) -> JsResult {
    JsFuture::from(promise?).await
}

/// Awaits `work` for at most `limit`, then drops it. Requests that it has made to the runtime may still take
/// effect.
pub(crate) async fn timeout<T>(limit: Duration, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    let mut timer = pin!(sleep(limit));
    poll_fn(|context| match work.as_mut().poll(context) {
        Poll::Ready(result) => Poll::Ready(Some(result)),
        Poll::Pending => timer.as_mut().poll(context).map(|()| None),
    })
    .await
}

/// Awaits both concurrently.
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

/// Awaits all concurrently. Returns the results in order.
pub(crate) async fn join_all<T>(work: impl IntoIterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut work: Vec<_> = work.into_iter().map(|one| (Box::pin(one), None)).collect();
    poll_fn(|context| {
        for (one, result) in work.iter_mut().filter(|(_, result)| result.is_none()) {
            if let Poll::Ready(ready) = one.as_mut().poll(context) {
                *result = Some(ready);
            }
        }
        if work.iter().all(|(_, result)| result.is_some()) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
    work.into_iter().filter_map(|(_, result)| result).collect()
}

pub(crate) async fn sleep(time: Duration) {
    Timer::start(time).await;
}

/// A timer that is cleared on drop: a running timer keeps its object awake, which is billed. Not a promise,
/// because a promise that never settles is never freed.
struct Timer {
    state: Rc<TimerState>,
    id: JsValue,
    _callback: Closure<dyn FnMut()>,
}

#[derive(Default)]
struct TimerState {
    has_fired: Cell<bool>,
    waker: Cell<Option<Waker>>,
}

impl Timer {
    fn start(time: Duration) -> Self {
        let ms = u32::try_from(time.as_millis()).unwrap_or(u32::MAX);
        let state = Rc::<TimerState>::default();
        let shared = state.clone();
        let callback = Closure::once(move || {
            shared.has_fired.set(true);
            if let Some(waker) = shared.waker.take() {
                waker.wake();
            }
        });
        Self { state, id: set_timeout(&callback, ms), _callback: callback }
    }
}

impl Future for Timer {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.state.has_fired.get() {
            return Poll::Ready(());
        }
        self.state.waker.set(Some(context.waker().clone()));
        Poll::Pending
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        clear_timeout(&self.id);
    }
}
