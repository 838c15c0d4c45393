// Short messages, shown on every page.

import { signal } from "@preact/signals";

/** @typedef {{ name: number, title: string, action?: { title: string, act: () => void } }} Toast */

/** @type {import("@preact/signals").Signal<Toast[]>} */
export const toasts = signal([]);
let next = 0;

/** @param {string} title
 * @param {Toast["action"]} [action] */
export function toast(title, action) {
  next += 1;
  toasts.value = [...toasts.peek(), { name: next, title, action }];
}

/** @param {number} name */
export const dismissToast = (name) => (toasts.value = toasts.peek().filter((toast) => toast.name !== name));
