// A table of things, each with a page of its own. On narrow screens its rows are cards.

/**
 * `name`: what it is sorted by, if it can be. `order`: how it is sorted when it is chosen, and the other way, in words.
 * `cell(row)`: what stands in it.
 * @typedef {{ key: string, title: any, name?: string, order?: [string, string], cell: (row: any) => any }} Column
 */

/**
 * @param {{ class: string, columns: Column[], rows: any[], idOf?: (row: any) => string, sort: string, down: boolean,
 *   onSort: (name: string, down: boolean) => void, rowClass?: (row: any) => string | undefined }} props
 */
export const DataTable = ({ class: name, columns, rows, idOf = (row) => row.id, sort, down, onSort, rowClass }) => (
  // The roles are said again because narrow screens lay the table out as cards.
  <table class={`data-table ${name}`} role="table">
    <thead role="rowgroup">
      <tr role="row">
        {columns.map((column) => <Head key={column.key} {...{ column, sort, down, onSort }} />)}
      </tr>
    </thead>
    <tbody role="rowgroup">
      {rows.map((row) => (
        <tr key={idOf(row)} role="row" data-id={idOf(row)} class={rowClass?.(row)}>
          {columns.map(({ key, cell }) => <td key={key} role="cell" class={key}>{cell(row)}</td>)}
        </tr>
      ))}
    </tbody>
  </table>
);

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
