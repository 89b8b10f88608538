/**
 * How core is run where it is deployed as the docs say.
 *
 * @module
 */
import { readFileSync } from "node:fs";

const UNIT = new URL("../../docs/deploy/nexo-core.service", import.meta.url);

/** Options of Node, from the unit that we ship. */
export const CORE_OPTIONS: readonly string[] = optionsIn(readFileSync(UNIT, "utf8"));

function optionsIn(unit: string): string[] {
  const options = /^Environment=NODE_OPTIONS=(.+)$/m.exec(unit)?.[1];
  if (options === undefined) throw new Error("Cannot measure: the unit has no NODE_OPTIONS");
  return options.split(" ");
}
