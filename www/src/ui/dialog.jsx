// A dialog: a form over the page.

import { useLayoutEffect, useRef } from "preact/hooks";

import { Icon } from "./icons.jsx";

/**
 * @param {{ id: string, title: any, onSubmit: (event: SubmitEvent) => void, onClose: () => void, children: any,
 *   actions?: any, problem?: any, cancel?: string }} props `problem` stands above the buttons `actions`
 */
export function Dialog({ id, title, onSubmit, onClose, children, actions, problem, cancel = "Cancel" }) {
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null));
  // Before the next key press, so that typing continues in the dialog.
  useLayoutEffect(() => dialog.current?.showModal(), []);
  const close = () => dialog.current?.close();
  return (
    <dialog class="dialog" ref={dialog} onClose={onClose} aria-labelledby={id}>
      <form onSubmit={(event) => (event.preventDefault(), onSubmit(/** @type {SubmitEvent} */ (event)))} noValidate>
        <header>
          <h2 id={id}>{title}</h2>
          <button type="button" class="quiet icon-only" aria-label="Close" onClick={close}><Icon name="close" /></button>
        </header>
        <div class="fields">{children}</div>
        <footer>
          {problem}
          <button type="button" onClick={close}>{cancel}</button>
          {actions}
        </footer>
      </form>
    </dialog>
  );
}
