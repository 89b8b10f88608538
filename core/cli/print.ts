/**
 * How commands speak: tables for people, JSON for programs.
 *
 * @module
 */

/** Writes a line to standard output. */
export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Writes a value as JSON, arrays as arrays. */
export function sayJson(value: unknown): void {
  say(JSON.stringify(value, null, 2));
}

/** A column: its title and what it shows of a row. */
export type Column<T> = readonly [title: string, show: (row: T) => unknown];

/** Rows under their titles, as wide as they need, or `empty` when there are none. */
export function sayTable<T>(
  rows: readonly T[],
  columns: readonly Column<T>[],
  empty: string,
): void {
  if (rows.length === 0) return say(empty);
  const cells = rows.map((row) => columns.map(([, show]) => showCell(show(row))));
  const widths = columns.map(([title], i) =>
    Math.max(title.length, ...cells.map((row) => row[i]?.length ?? 0))
  );
  const line = (row: readonly string[]): string =>
    row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join("  ").trimEnd();
  say(line(columns.map(([title]) => title)));
  say(widths.map((width) => "-".repeat(width)).join("  "));
  for (const row of cells) say(line(row));
}

/** Any JSON value in one line. */
export function showCell(value: unknown): string {
  if (value === null || value === undefined) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** A time for people, UTC. */
export function showTime(ms: unknown): string {
  return typeof ms === "number" ? new Date(ms).toISOString().replace("T", " ").slice(0, 19) : "";
}
