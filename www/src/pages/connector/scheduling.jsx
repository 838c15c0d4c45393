// The schedules of a connector. The package checks expressions while the user types.

import { useEffect, useMemo, useState } from "preact/hooks";

import { nextRuns } from "../../core/cron.js";
import { read } from "../../core/documents.js";
import { ahead } from "../../core/time.js";
import { byMinute, bySecond } from "../../stores/clock.js";
import { usePreview } from "../../stores/preview.js";
import { ChangeForm } from "../../ui/form.jsx";
import { Odd } from "../../ui/parts.jsx";

/** Browsers take a longer time for none. */
const LONGEST_TIMER = 2 ** 31 - 1;
const NEVER = { enabled: false, interval: "0 0 0 * * ?" };

const kinds = [
  ["full", "Full sync", "Reads everything."],
  ["incremental", "Incremental sync", "Reads what has changed since the last sync."],
  ["access_control", "Access control sync", "Reads which users can see which documents."],
];

/** Suggested expressions. */
const usual = [
  ["0 0 * * * ?", "Every hour"],
  ["0 0 0/6 * * ?", "Every six hours"],
  ["0 0 0 * * ?", "Every day at midnight"],
  ["0 0 3 ? * MON-FRI", "Monday to Friday at 3:00"],
  ["0 0 0 ? * SUN", "Every Sunday at midnight"],
  ["0 0 0 1 * ?", "On the first day of each month"],
];

const when = new Intl.DateTimeFormat("en", { weekday: "short", day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23", timeZone: "UTC" });

/** The schedules of a document, and what is odd about them. */
function schedulesOf(doc) {
  const found = read(doc.scheduling ?? {}, Object.fromEntries(kinds.map(([kind]) => [kind, "object"])), "scheduling.");
  const odd = [...found.odd];
  const values = {};
  for (const [kind] of kinds) {
    const schedule = read(found[kind] ?? {}, { enabled: "flag", interval: "text" }, `scheduling.${kind}.`);
    odd.push(...schedule.odd);
    values[`${kind}-enabled`] = schedule.enabled === true || schedule.enabled === "true";
    values[`${kind}-interval`] = schedule.interval ?? NEVER.interval;
  }
  return { values, odd };
}

export default function Scheduling(shared) {
  const { seen, store } = shared;
  const preview = usePreview();
  const scheduleOf = (values, kind) => ({ enabled: values[`${kind}-enabled`], interval: values[`${kind}-interval`].trim() });
  /** The server's objection to an expression. Each one is checked once.
   * @type {(interval: string) => string | undefined} */
  const reasonFor = useMemo(() => {
    const known = new Map();
    return (interval) => {
      if (!preview) return undefined;
      if (!known.has(interval)) known.set(interval, preview(seen.raw, "PUT", `${store.path}/_scheduling`, { scheduling: { full: { enabled: true, interval } } }).reason);
      return known.get(interval);
    };
  }, [preview, seen]);
  const request = (values, stored) => {
    const changed = kinds.map(([kind]) => kind).filter((kind) => JSON.stringify(scheduleOf(values, kind)) !== JSON.stringify(scheduleOf(stored, kind)));
    return { endpoint: "/_scheduling", body: { scheduling: Object.fromEntries(changed.map((kind) => [kind, scheduleOf(values, kind)])) } };
  };
  const check = (values) =>
    Object.fromEntries(kinds.map(([kind]) => [`${kind}-interval`, reasonFor(values[`${kind}-interval`].trim())]));
  return (
    <>
      <Odd odd={schedulesOf(seen.doc).odd} />
      <ChangeForm name="scheduling" title="Scheduling" action="Save schedules" {...{ check, request, shared }}
        read={({ doc }) => schedulesOf(doc).values}
        intro="When syncs start. Use Quartz cron expressions, in UTC: second, minute, hour, day of month, month, day of week.">
        {({ values, set, field, hint, disabled }) => (
          <>
            <datalist id="usual-schedules">{usual.map(([value, title]) => <option key={value} value={value}>{title}</option>)}</datalist>
            {kinds.map(([kind, title, what]) => {
              const interval = `${kind}-interval`;
              const enabled = `${kind}-enabled`;
              const expression = values[interval].trim();
              const legal = preview && !reasonFor(expression);
              return (
                <fieldset key={kind} class="schedule" aria-label={title}>
                  <label class="check">
                    <input type="checkbox" name={enabled} disabled={disabled} checked={values[enabled]} onChange={(event) => set({ [enabled]: event.currentTarget.checked })} />
                    <span>{title}<small class="muted">{what}</small></span>
                  </label>
                  <div class="field">
                    <label for={field(interval).id}>Schedule</label>
                    <input {...field(interval)} class="mono" value={values[interval]} list="usual-schedules" autocomplete="off" spellcheck={false}
                      onInput={(event) => set({ [interval]: event.currentTarget.value })} />
                    {hint(interval, "")}
                  </div>
                  <Runs expression={expression} legal={Boolean(legal)} enabled={values[enabled]} />
                </fieldset>
              );
            })}
          </>
        )}
      </ChangeForm>
    </>
  );
}

function Runs({ expression, legal, enabled }) {
  return <div class="runs" aria-live="polite">{legal && <Next key={expression} {...{ expression, enabled }} />}</div>;
}

/** The next runs. Computed again when the first one is over. */
function Next({ expression, enabled }) {
  const [runs, setRuns] = useState(() => nextRuns(expression, Date.now(), 3));
  const [first] = runs;
  useEffect(() => {
    if (first === undefined) return undefined;
    const timer = setTimeout(() => setRuns(nextRuns(expression, Date.now(), 3)), Math.min(LONGEST_TIMER, first - Date.now() + 1));
    return () => clearTimeout(timer);
  }, [runs]);
  return (
    <>
      <p class="small muted">{runs.length === 0 ? "No more runs." : enabled ? "Next runs" : "Next runs if enabled"}</p>
      <ol>
        {runs.map((run) => <li key={run} class="small">{when.format(run)} UTC <Until run={run} /></li>)}
      </ol>
    </>
  );
}

const Until = ({ run }) => <span class="muted">{ahead(run - (run - Date.now() < 3_600_000 ? bySecond() : byMinute()))}</span>;
