// Toasts at the edge of the page. They don't move the layout, and disappear by themselves.

import { useEffect, useRef } from "preact/hooks";

import { dismissToast, toasts } from "../stores/toasts.js";
import { Icon } from "./icons.jsx";

/** How long a message stays, in milliseconds; longer while it is focused or hovered. */
const LONG = 8_000;

export const Toasts = () => (
  <div class="toasts" role="status">
    {toasts.value.map((toast) => <Toast key={toast.name} {...toast} />)}
  </div>
);

/** @param {import("../stores/toasts.js").Toast} toast */
function Toast({ name, title, action }) {
  const element = useRef(/** @type {HTMLDivElement | null} */ (null));
  useEffect(() => {
    const timer = setInterval(() => {
      if (!element.current?.matches(":hover, :focus-within")) dismissToast(name);
    }, LONG);
    return () => clearInterval(timer);
  }, []);
  return (
    <div class="toast" ref={element}>
      <Icon name="check" />
      <span class="grow">{title}</span>
      {action && <button type="button" class="link" onClick={() => (dismissToast(name), action.act())}>{action.title}</button>}
      <button type="button" class="quiet icon-only" aria-label="Dismiss" onClick={() => dismissToast(name)}><Icon name="close" /></button>
    </div>
  );
}
