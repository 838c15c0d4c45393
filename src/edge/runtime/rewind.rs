//! Back in time: an object's storage as it was at any moment of the last 30 days.

use js_sys::{Function, Promise};
use wasm_bindgen::prelude::*;
use worker::worker_sys::{DurableObjectState, DurableObjectStorage};

use super::promise::await_promise;
use super::{JsError, number};

/// The answer is on its way by then; what is written meanwhile is lost with the rest.
const ABORT_AFTER_MS: u32 = 100;

#[wasm_bindgen]
extern "C" {
    // The `worker` crate knows no bookmarks, and cannot abort an object.
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

/// A moment that an object's storage can be taken back to.
pub(in crate::edge) struct Bookmark(JsValue);

/// The moment at that time, in milliseconds since 1970.
///
/// # Errors
/// If the runtime has no past, or none that far back.
pub(super) async fn bookmark(state: &DurableObjectState, to: u64) -> Result<Bookmark, JsError> {
    let storage: DurableObjectStorage = state.storage()?;
    let bookmarks: &Bookmarks = storage.unchecked_ref();
    await_promise(bookmarks.bookmark_for_time(number(to))).await.map(Bookmark)
}

/// Takes an object's storage back to that moment. The storage is exchanged when the object starts the next time, and
/// that is at once.
pub(super) async fn rewind(state: DurableObjectState, to: Bookmark) -> Result<(), JsError> {
    let storage: DurableObjectStorage = state.storage()?;
    let bookmarks: &Bookmarks = storage.unchecked_ref();
    await_promise(bookmarks.restore_bookmark(&to.0)).await?;
    // The runtime calls this itself, with no Rust on the stack: `abort` ends whatever called it without
    // unwinding, and other objects share this module. Its queue of tasks would stay marked as running,
    // and nothing asynchronous in the module would ever go on.
    let abort = state.unchecked_ref::<Abortable>().abort().bind0(&state);
    call_later(&abort, ABORT_AFTER_MS, "taken back in time");
    Ok(())
}
