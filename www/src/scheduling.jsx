// When a connector syncs. Expressions are checked by the package as one types.

import { pathOf } from "./api.js";
import { nextRuns } from "./cron.js";
import { ChangeForm } from "./form.jsx";
import { Odd } from "./parts.jsx";
import { usePreview } from "./preview.js";
import { read } from "./read.js";

const NEVER = { enabled: false, interval: "0 0 0 * * ?" };

const kinds = [
  ["full", "Full sync", "Reads everything."],
  ["incremental", "Incremental sync", "Reads what has changed since the last sync."],
  ["access_control", "Access control sync", "Reads who may see what."],
];

/** What is suggested where an expression is typed. */
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
  const { seen, id, now } = shared;
  const preview = usePreview();
  const scheduleOf = (values, kind) => ({ enabled: values[`${kind}-enabled`], interval: values[`${kind}-interval`].trim() });
  /** What the server would say to one expression. */
  const reasonFor = (interval) =>
    preview?.(seen.raw, "PUT", `${pathOf(id)}/_scheduling`, { scheduling: { full: { enabled: true, interval } } }).reason;
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
        intro="When the connector service starts a sync. Expressions are in Quartz's cron format and in UTC: second, minute, hour, day of month, month, day of week.">
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
                    <input type="checkbox" name={enabled} disabled={disabled} checked={values[enabled]} onChange={(event) => set({ [enabled]: event.target.checked })} />
                    <span>{title}<small class="muted">{what}</small></span>
                  </label>
                  <div class="field">
                    <label for={field(interval).id}>Schedule</label>
                    <input {...field(interval)} class="mono" value={values[interval]} list="usual-schedules" autocomplete="off" spellcheck={false}
                      onInput={(event) => set({ [interval]: event.target.value })} />
                    {hint(interval, "")}
                  </div>
                  <Runs {...{ now, expression }} legal={Boolean(legal)} enabled={values[enabled]} />
                </fieldset>
              );
            })}
          </>
        )}
      </ChangeForm>
    </>
  );
}

function Runs({ expression, legal, enabled, now }) {
  if (!legal) return <div class="runs" />;
  const runs = nextRuns(expression, now, 3);
  return (
    <div class="runs" aria-live="polite">
      <p class="small muted">{runs.length === 0 ? "It never runs again." : enabled ? "Next runs" : "If it were on, it would run"}</p>
      <ol>
        {runs.map((run) => <li key={run} class="small">{when.format(run)} UTC <span class="muted">{until(run - now)}</span></li>)}
      </ol>
    </div>
  );
}

const relative = new Intl.RelativeTimeFormat("en", { numeric: "always" });
const units = [["year", 31_557_600], ["month", 2_629_800], ["day", 86_400], ["hour", 3_600], ["minute", 60], ["second", 1]];

function until(millis) {
  const seconds = Math.max(1, Math.round(millis / 1_000));
  const [unit, length] = units.find(([, length]) => seconds >= length);
  return relative.format(Math.floor(seconds / length), unit);
}
