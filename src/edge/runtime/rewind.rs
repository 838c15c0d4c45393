//! Point-in-time recovery of an object's storage, within the last 30 days.

use js_sys::{Function, Promise};
use wasm_bindgen::prelude::*;
use worker::worker_sys::{DurableObjectState, DurableObjectStorage};

use super::promise::await_promise;
use super::{JsError, number};

/// Leaves time to send the response. Writes in the meantime are lost, like all others.
const ABORT_AFTER_MS: u32 = 100;

#[wasm_bindgen]
extern "C" {
    // The `worker` crate has no bookmarks, and cannot abort an object.
    type Bookmarks;
    #[wasm_bindgen(method, catch, js_name = getBookmarkForTime)]
    fn bookmark_for_time(this: &Bookmarks, to: f64) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch, js_name = onNextSessionRestoreBookmark)]
    fn restore_bookmark(this: &Bookmarks, bookmark: &JsValue) -> Result<Promise, JsValue>;
    type Abortable;
    #[wasm_bindgen(method, getter)]
    fn abort(this: &Abortable) -> Function;
    #[wasm_bindgen(js_name = setTimeout)]
    fn call_later(callback: &Function, ms: u32, argument: &str) -> JsValue;
}

/// A point in time to which an object's storage can be restored.
pub(in crate::edge) struct Bookmark(JsValue);

/// The bookmark for a time in milliseconds since 1970.
///
/// # Errors
/// If the runtime does not support bookmarks, or has none for that time.
pub(super) async fn bookmark(state: &DurableObjectState, to: u64) -> Result<Bookmark, JsError> {
    let storage: DurableObjectStorage = state.storage()?;
    let bookmarks: &Bookmarks = storage.unchecked_ref();
    await_promise(bookmarks.bookmark_for_time(number(to))).await.map(Bookmark)
}

/// Restores an object's storage. That happens when the object restarts, so it is restarted at once.
pub(super) async fn rewind(state: DurableObjectState, to: Bookmark) -> Result<(), JsError> {
    let storage: DurableObjectStorage = state.storage()?;
    let bookmarks: &Bookmarks = storage.unchecked_ref();
    await_promise(bookmarks.restore_bookmark(&to.0)).await?;
    // The runtime must call `abort` with no Rust on the stack: it ends its caller without unwinding. Other
    // objects share this module, and its task queue would stay marked as running, so no future would ever make
    // progress again.
    let abort = state.unchecked_ref::<Abortable>().abort().bind0(&state);
    call_later(&abort, ABORT_AFTER_MS, "taken back in time");
    Ok(())
}
