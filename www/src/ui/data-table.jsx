// A table whose rows link to pages. On narrow screens the rows are cards.

import { useEffect, useRef } from "preact/hooks";

/**
 * `name`: what it is sorted by, if it can be. `order`: how it is sorted when it is chosen, and the other way, in words.
 * `cell(row)`: what stands in it.
 * @typedef {{ key: string, title: any, name?: string, order?: [string, string], cell: (row: any) => any }} Column
 */

/**
 * @param {{ class: string, columns: Column[], rows: any[], idOf?: (row: any) => string, sort: string, down: boolean,
 *   onSort: (name: string, down: boolean) => void, selected?: Map<string, any>, onSelect?: (rows: any[], on: boolean) => void }} props
 *   `onSelect`: rows can be selected
 */
export const DataTable = ({ class: name, columns, rows, idOf = (row) => row.id, sort, down, onSort, selected = new Map(), onSelect }) => (
  // The roles are explicit because the card layout of narrow screens removes them.
  <table class={`data-table ${name}`} role="table">
    <thead role="rowgroup">
      <tr role="row">
        {onSelect && <th role="columnheader" scope="col" class="of-pick"><PickAll {...{ rows, idOf, selected, onSelect }} /></th>}
        {columns.map((column) => <Head key={column.key} {...{ column, sort, down, onSort }} />)}
      </tr>
    </thead>
    <tbody role="rowgroup">
      {rows.map((row) => (
        <tr key={idOf(row)} role="row" data-id={idOf(row)} aria-selected={onSelect ? selected.has(idOf(row)) : undefined}>
          {onSelect && (
            <td role="cell" class="pick">
              <label class="pick-box"><input type="checkbox" aria-label={`Select ${row.title}`} checked={selected.has(idOf(row))} onChange={(event) => onSelect([row], event.currentTarget.checked)} /></label>
            </td>
          )}
          {columns.map(({ key, cell }) => <td key={key} role="cell" class={key}>{cell(row)}</td>)}
        </tr>
      ))}
    </tbody>
  </table>
);

/** @param {any} props */
function Head({ column: { key, title, name, order }, sort, down, onSort }) {
  const active = name !== undefined && name === sort;
  return (
    <th role="columnheader" scope="col" class={`of-${key}`} aria-sort={active ? (down ? "descending" : "ascending") : undefined}>
      {name
        ? (
          <button type="button" onClick={() => onSort(name, active && !down)} title={order && `Sort: ${order[active && !down ? 1 : 0]}`}>
            {title}<span class="order" aria-hidden="true">{active ? (down ? "↓" : "↑") : ""}</span>
          </button>
        )
        : title}
    </th>
  );
}

/** Selects all rows of the page, or none.
 * @param {any} props */
function PickAll({ rows, idOf, selected, onSelect }) {
  const box = useRef(/** @type {HTMLInputElement | null} */ (null));
  const number = rows.filter((row) => selected.has(idOf(row))).length;
  const some = number > 0 && number < rows.length;
  useEffect(() => {
    if (box.current) box.current.indeterminate = some;
  }, [some]);
  return (
    <label class="pick-box">
      <input type="checkbox" ref={box} aria-label="Select all on this page" checked={number > 0 && !some} onChange={() => onSelect(rows, number < rows.length)} />
    </label>
  );
}
