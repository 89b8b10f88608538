/**
 * Lists: a table where there is room, cards where there is not, older rows on demand.
 *
 * @module
 */
import { type Child, useEffect, useState } from "hono/jsx/dom";
import type { AgentEventKind } from "../../../core/contract/mod.ts";
import { ApiError } from "./api.ts";
import { useQuery } from "./query.ts";
import { TEXTS } from "./texts/mod.ts";
import { Failure, Loading } from "./ui.tsx";

/** One column; `primary` is the one that leads to the row's own page. */
export interface Column<T> {
  readonly title: string;
  readonly show: (row: T) => Child;
  readonly isNumber?: boolean;
}

/** A page of rows, newest first, and where the next one begins. */
export interface Rows<T, C> {
  readonly rows: readonly T[];
  readonly next: C | undefined;
}

/** Settings of {@linkcode PagedTable}. */
interface PagedTableProps<T, C> {
  /** What the table holds, for screen readers. */
  readonly label: string;
  readonly columns: readonly Column<T>[];
  /** Another key is another list. */
  readonly listKey: string;
  readonly load: (after: C | undefined, signal: AbortSignal | undefined) => Promise<Rows<T, C>>;
  readonly idOf: (row: T) => string;
  readonly changedBy?: readonly AgentEventKind[];
  readonly empty: Child;
  /** What the button for more rows says. @default older ones */
  readonly more?: string;
}

/** A list that begins at the newest row and stays up to date there. */
export function PagedTable<T, C>(props: PagedTableProps<T, C>) {
  const { columns, label, listKey, load, idOf, changedBy, empty, more = TEXTS.older } = props;
  const head = useQuery({
    key: listKey,
    ask: (signal) => load(undefined, signal),
    ...(changedBy === undefined ? {} : { changedBy }),
  });
  const [older, setOlder] = useState<Older<T, C>>(NOTHING_OLDER);
  useEffect(() => setOlder(NOTHING_OLDER), [listKey]);

  if (head.data === undefined) {
    return head.error === undefined
      ? <Loading />
      : <Failure error={head.error} onRetry={head.refresh} />;
  }
  const rows = merged([...head.data.rows, ...older.rows], idOf);
  const next = older.isUsed ? older.next : head.data.next;

  async function showOlder(): Promise<void> {
    setOlder((known) => ({ ...known, isLoading: true, error: undefined }));
    try {
      const page = await load(next, undefined);
      setOlder((known) => ({
        // What the head shows now may have moved below it by the time more is asked for.
        rows: merged([...rows, ...known.rows, ...page.rows], idOf),
        next: page.next,
        isUsed: true,
        isLoading: false,
        error: undefined,
      }));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setOlder((known) => ({ ...known, isLoading: false, error }));
    }
  }

  if (rows.length === 0) return <>{empty}</>;
  return (
    <>
      {head.error === undefined ? null : <Failure error={head.error} onRetry={head.refresh} />}
      <Table label={label} columns={columns} rows={rows} idOf={idOf} />
      <div class="more">
        {older.error === undefined ? null : <Failure error={older.error} />}
        {next === undefined
          ? <p class="muted">{TEXTS.end}</p>
          : (
            <button type="button" disabled={older.isLoading} onClick={() => void showOlder()}>
              {older.isLoading ? TEXTS.loading : more}
            </button>
          )}
      </div>
    </>
  );
}

interface Older<T, C> {
  readonly rows: readonly T[];
  readonly next: C | undefined;
  /** Whether `next` is the place to go on from. */
  readonly isUsed: boolean;
  readonly isLoading: boolean;
  readonly error: ApiError | undefined;
}

const NOTHING_OLDER = {
  rows: [],
  next: undefined,
  isUsed: false,
  isLoading: false,
  error: undefined,
} as const;

/** The first of each id: the head's rows are newer than the same rows below. */
function merged<T>(rows: readonly T[], idOf: (row: T) => string): T[] {
  const byId = new Map<string, T>();
  for (const row of rows) if (!byId.has(idOf(row))) byId.set(idOf(row), row);
  return [...byId.values()];
}

/** A table that reads as cards on a narrow screen. */
export function Table<T>({ label, columns, rows, idOf }: {
  label: string;
  columns: readonly Column<T>[];
  rows: readonly T[];
  idOf: (row: T) => string;
}) {
  return (
    // The roles say again what a narrow screen's layout takes from the elements.
    <table role="table" aria-label={label}>
      <thead role="rowgroup">
        <tr role="row">
          {columns.map(({ title, isNumber }) => (
            <th key={title} role="columnheader" scope="col" class={isNumber === true ? "num" : ""}>
              {title}
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {rows.map((row) => (
          <tr role="row" key={idOf(row)}>
            {columns.map(({ title, show, isNumber }) => (
              <td
                key={title}
                role="cell"
                data-title={title}
                class={isNumber === true ? "num" : ""}
              >
                {show(row)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
