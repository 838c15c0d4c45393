// Back in time: an object's storage as it was at any moment of the last 30 days.

/** The answer is on its way by then; what is written meanwhile is lost with the rest. */
const ABORT_AFTER_MS = 100;

/** The storage is exchanged when the object starts the next time, and that is at once. */
export async function rewind(state, to) {
  const bookmark = await state.storage.getBookmarkForTime(to);
  await state.storage.onNextSessionRestoreBookmark(bookmark);
  setTimeout(() => state.abort("taken back in time"), ABORT_AFTER_MS);
}
