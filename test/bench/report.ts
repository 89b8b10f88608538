/**
 * Results as a table for people, and what they were taken on.
 *
 * @module
 */
import { readFile } from "node:fs/promises";
import { availableParallelism, cpus, totalmem } from "node:os";
import { join, resolve } from "node:path";
import type { RowResult } from "./measure.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const GIBIBYTE = 1024 ** 3;

/** The machine in neutral words. */
export function machineOf() {
  return {
    cores: availableParallelism(),
    processor: cpus()[0]?.model.trim() ?? "unknown",
    memory_gib: Math.round(totalmem() / GIBIBYTE),
    platform: `${process.platform} ${process.arch}`,
  };
}

/** Of the runtime and of what a row is measured against. */
export async function versionsOf(): Promise<Record<string, string>> {
  const names = [
    "@hono/node-server",
    "@libsql/client",
    "@modelcontextprotocol/sdk",
    "deno",
    "fastify",
    "nats.ws",
    "socket.io",
    "ws",
  ];
  const versions: Record<string, string> = { node: process.versions.node };
  for (const name of names) {
    const text = await readFile(join(ROOT, "node_modules", name, "package.json"), "utf8");
    versions[name] = (JSON.parse(text) as { version: string }).version;
  }
  return versions;
}

const HEADINGS = ["row", "ours", "theirs", "unit", "ratio", "noise", "target", "meets"];

/** A Markdown table. */
export function tableOf(results: readonly RowResult[]): string {
  const lines = [HEADINGS, ...results.map(cellsOf)];
  const widths = HEADINGS.map((_, i) => Math.max(...lines.map((cells) => cells[i]?.length ?? 0)));
  const format = (cells: readonly string[]): string =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(" | ")} |`;
  const [head = "", ...rows] = lines.map(format);
  const rule = `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`;
  return [head, rule, ...rows].join("\n");
}

function cellsOf(result: RowResult): string[] {
  const { name, ours, theirs, unit, ratio, spread, target, bound, meets } = result;
  return [
    name,
    rounded(ours),
    rounded(theirs),
    unit,
    ratio.toFixed(2),
    `±${Math.round(spread * 50)} %`,
    `${bound === "at_least" ? "≥" : "≤"} ${target}`,
    meets === null ? "noise" : meets ? "yes" : "NO",
  ];
}

/** Which processes were busy, of one row. */
export function coresLine({ name, cores }: RowResult): string {
  const side = (of: Readonly<Record<string, number>>): string =>
    Object.entries(of).map(([part, busy]) => `${part} ${busy.toFixed(2)}`).join(", ");
  return `${name}: cores busy, ours ${side(cores.ours)}; theirs ${side(cores.theirs)}`;
}

function rounded(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString("en-US") : value.toPrecision(3);
}
