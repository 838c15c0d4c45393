// Bulk actions on selected connectors, and their progress.

import { signal } from "@preact/signals";
import { useState } from "preact/hooks";

import { actions, tally } from "../../core/actions.js";
import { href } from "../../core/address.js";
import { carryOutOn, dismissRun, run, stopRun } from "../../stores/bulk.js";
import { barredFrom } from "../../stores/identity.js";
import { clearSelection, selection } from "../../stores/selection.js";
import { Callout } from "../../ui/callout.jsx";
import { Dialog } from "../../ui/dialog.jsx";

const count = (number) => number.toLocaleString("en");
const connectors = (number) => (number === 1 ? "1 connector" : `${count(number)} connectors`);

/** The action that waits for confirmation. */
const asked = signal(/** @type {{ action: import("../../core/actions.js").ActionName, items: import("../../core/actions.js").Item[] } | undefined} */ (undefined));

/** The bar above the table while something is selected.
 * @param {{ offered: import("../../core/actions.js").ActionName[], total: number, all?: () => Promise<void> }} props
 *   `total`: how many match; `all()`: selects them */
export function SelectionBar({ offered, total, all }) {
  const [state, setState] = useState(/** @type {any} */ ({}));
  const items = [...selection.value.values()];
  const barred = barredFrom();
  if (items.length === 0) return null;
  const more = async () => {
    setState({ pending: true });
    await all?.().then(() => setState({}), (problem) => setState({ problem }));
  };
  return (
    <div class="selection-bar" role="region" aria-label="Selected connectors">
      <strong role="status">{count(items.length)} selected</strong>
      {all && items.length < total && (
        <button type="button" class="link" disabled={state.pending} onClick={more}>{state.pending ? "Selecting…" : `Select all ${count(total)} that match`}</button>
      )}
      <button type="button" class="link" onClick={clearSelection}>Clear selection</button>
      {state.problem && <span class="problem" role="alert">{state.problem.message}</span>}
      <span class="buttons">
        {offered.map((name) => (
          <button key={name} type="button" class={actions[name].isDangerous ? "bad" : undefined} disabled={Boolean(barred)} title={barred} onClick={() => (asked.value = { action: name, items })}>
            {actions[name].verb}{actions[name].isDangerous ? "…" : ""}
          </button>
        ))}
      </span>
    </div>
  );
}

/** Asks before an action is carried out. */
export function Confirm() {
  if (!asked.value) return null;
  return <Question {...asked.value} onClose={() => (asked.value = undefined)} />;
}

function Question({ action, items, onClose }) {
  const { verb, about, isDangerous, skip } = actions[action];
  const fit = items.filter((item) => !skip(item));
  const left = items.filter(skip);
  const submit = () => {
    onClose();
    carryOutOn(action, items);
  };
  return (
    <Dialog id="bulk-title" title={`${verb}: ${connectors(fit.length)}`} onSubmit={submit} onClose={onClose}
      actions={<button class={`primary ${isDangerous ? "bad" : ""}`} disabled={fit.length === 0} autofocus>{verb}: {connectors(fit.length)}</button>}>
      <p>{about}</p>
      <ul class="sample small">
        {fit.slice(0, 5).map(({ id, title }) => <li key={id}>{title}</li>)}
        {fit.length > 5 && <li class="muted">and {count(fit.length - 5)} more</li>}
      </ul>
      {left.length > 0 && (
        <details class="small">
          <summary>{connectors(left.length)} skipped</summary>
          <ul class="results">{left.map((item) => <li key={item.id}><strong>{item.title}</strong> <span class="muted">{skip(item)}</span></li>)}</ul>
        </details>
      )}
    </Dialog>
  );
}

/** The progress of a run and the result for each connector. Shown on every page until it is dismissed. */
export function Run() {
  if (!run.value) return null;
  const { action, steps, isOver, undo } = run.value;
  const { waiting, running, done, skipped, failed, unknown } = tally(steps);
  const { verb, done: result } = actions[action];
  const todo = steps.length - skipped;
  const settled = todo - waiting - running;
  const problems = steps.filter(({ state }) => state === "failed" || state === "unknown");
  const left = steps.filter(({ state }) => state === "skipped");
  const title = isOver ? `${result(connectors(done))}${problems.length > 0 ? `, ${count(problems.length)} failed` : ""}.` : `${verb}: ${count(settled)} of ${count(todo)}…`;
  return (
    <section class="run" aria-label={verb}>
      <Callout kind={!isOver ? "note" : problems.length > 0 ? "warn" : "good"} title={title} onClose={isOver ? dismissRun : undefined} focus={false}>
        {!isOver && (
          <div class="run-line">
            <progress max={todo} value={settled} aria-label={verb} />
            <button type="button" onClick={stopRun}>Stop</button>
          </div>
        )}
        {undo && <p><button type="button" class="link" onClick={undo}>Undo</button> <span class="muted">moves the connectors back to Error, with their error text.</span></p>}
        {problems.length > 0 && (
          <details open={isOver} class="small">
            <summary>{failed > 0 ? `${count(failed)} failed` : ""}{failed > 0 && unknown > 0 ? ", " : ""}{unknown > 0 ? `${count(unknown)} unknown` : ""}</summary>
            <ul class="results">{problems.map(({ item, reason }) => <li key={item.id}><a href={href(item.id)}>{item.title}</a> <span>{reason}</span></li>)}</ul>
          </details>
        )}
        {isOver && left.length > 0 && (
          <details class="small">
            <summary>{connectors(left.length)} skipped</summary>
            <ul class="results">{left.map(({ item, reason }) => <li key={item.id}><a href={href(item.id)}>{item.title}</a> <span>{reason}</span></li>)}</ul>
          </details>
        )}
        <p class="hidden" role="status">{isOver ? title : ""}</p>
      </Callout>
    </section>
  );
}
