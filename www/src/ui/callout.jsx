// A highlighted message.

import { useEffect, useRef } from "preact/hooks";

import { Icon } from "./icons.jsx";

/** `focus`: it takes the focus, so that screen readers announce the result of an action.
 * @param {{ kind: "good" | "note" | "warn" | "bad", icon?: string, title: any, children?: any, onClose?: () => void, role?: any, focus?: boolean }} props */
export function Callout({ kind, icon, title, children, onClose, role, focus }) {
  const element = useRef(/** @type {any} */ (null));
  useEffect(() => {
    if (focus) element.current?.focus();
  }, []);
  return (
    <div class="callout" data-kind={kind} role={role} ref={element} tabIndex={focus ? -1 : undefined}>
      <Icon name={icon ?? (kind === "good" ? "check" : kind === "note" ? "info" : "warning")} />
      <div class="grow">
        <strong>{title}</strong>
        {children}
      </div>
      {onClose && (
        <button type="button" class="quiet icon-only" aria-label="Dismiss" onClick={onClose}>
          <Icon name="close" />
        </button>
      )}
    </div>
  );
}
