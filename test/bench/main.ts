/**
 * `npm run bench [-- --quick] [--only name] [--scale share] [--json]`: measures the rows and prints their ratios.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { measureRow, type Plan, type RowResult } from "./measure.ts";
import { coresLine, machineOf, tableOf, versionsOf } from "./report.ts";
import { ROWS } from "./rows.ts";
import { openWorkshop } from "./workshop.ts";

const WHOLE: Plan = { warmUpMs: 4000, rounds: 9, roundMs: 2000 };
const QUICK: Plan = { warmUpMs: 1600, rounds: 5, roundMs: 800 };

const usage = `usage: npm run bench -- [--quick] [--only <row>]... [--scale <share>] [--json]
rows: ${ROWS.map(({ name }) => name).join(", ")}`;

function readArguments() {
  const { values } = parseArgs({
    options: {
      quick: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      only: { type: "string", multiple: true, default: [] },
      scale: { type: "string", default: "1" },
    },
  });
  const unknown = values.only.find((name) => !ROWS.some((row) => row.name === name));
  if (unknown !== undefined) throw new TypeError(`there is no row "${unknown}"`);
  const scale = Number(values.scale);
  if (!(scale > 0 && scale <= 1)) throw new TypeError("--scale must be above 0 and at most 1");
  return { ...values, scale };
}

async function main(): Promise<number> {
  let given: ReturnType<typeof readArguments>;
  try {
    given = readArguments();
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n${usage}`);
    return 2;
  }
  if (process.platform !== "linux") {
    console.error("Cannot measure: processor time of other processes is read from Linux's /proc");
    return 1;
  }
  const rows = given.only.length > 0
    ? ROWS.filter(({ name }) => given.only.includes(name))
    : ROWS.filter(({ quick }) => quick || !given.quick);
  const plan = given.quick ? QUICK : WHOLE;

  await using workshop = await openWorkshop(given);
  const results: RowResult[] = [];
  const failures: string[] = [];
  for (const row of rows) {
    console.error(`measuring ${row.name} …`);
    try {
      results.push(await measureRow(row, workshop, plan));
    } catch (error) {
      failures.push(`${row.name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  const [machine, versions] = [machineOf(), await versionsOf()];
  if (given.json) console.log(JSON.stringify({ machine, versions, results }, null, 2));
  else console.log([tableOf(results), "", ...results.map(coresLine)].join("\n"));
  for (const failure of failures) console.error(`failed: ${failure}`);
  return failures.length > 0 ? 1 : 0;
}

process.exitCode = await main();
