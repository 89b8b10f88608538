/**
 * Admin calls as a table for people.
 *
 * @module
 */
import type { AuditView } from "../contract/views/audit.ts";

interface Column {
  readonly name: string;
  readonly width: number;
  readonly right?: true;
  readonly cell: (call: AuditView) => string;
}

const COLUMNS: readonly Column[] = [
  { name: "started_at", width: 24, cell: (call) => utcSeconds(call.started_at_ms) },
  { name: "microapp", width: 20, cell: (call) => call.microapp_id },
  { name: "method", width: 40, cell: (call) => call.method },
  { name: "result", width: 7, cell: (call) => call.result },
  { name: "dur_ms", width: 7, right: true, cell: (call) => String(call.duration_ms ?? "-") },
  { name: "args_hash", width: 10, cell: (call) => call.args_hash.slice(0, 8) },
];

/** Lines with a header and a rule, each ended by a newline. */
export function formatAuditTable(calls: readonly AuditView[]): string {
  const rule = COLUMNS.map(({ width }) => "-".repeat(width)).join("  ");
  const lines = [
    formatLine(({ name }) => name),
    rule,
    ...calls.map((call) => formatLine(({ cell }) => cell(call))),
  ];
  return lines.map((text) => `${text.trimEnd()}\n`).join("");
}

function formatLine(textOf: (column: Column) => string): string {
  return COLUMNS.map((column) => {
    // A method name is the caller's; it must not be able to drive a terminal.
    const text = textOf(column).replace(/\p{C}/gu, "?").slice(0, column.width);
    return column.right ? text.padStart(column.width) : text.padEnd(column.width);
  }).join("  ");
}

function utcSeconds(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
