/**
 * Calls through our gate, and the same by hand. Both have the same child, so that what differs is what
 * core does for a call.
 *
 * @module
 */
import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { openCallSide } from "./call_side.ts";
import type { Side, Workshop } from "./row.ts";

type Measure = NonNullable<Parameters<typeof openCallSide>[1]["measure"]>;

const childOf = ({ compiled }: Workshop): string =>
  compiled(import.meta.resolve("./servers/echo_by_hand.ts"));

/** A turn's way to a tool, without what it writes down. */
export async function openGate(workshop: Workshop, measure: Measure): Promise<Side> {
  const home = await mkdtemp(join(workshop.dir, "gate-"));
  return openCallSide(workshop, {
    caller: import.meta.resolve("./servers/gate_calls.ts"),
    args: [home, workshop.migrationsDir, childOf(workshop)],
    measure,
  });
}

/** Line JSON-RPC written by hand. */
export function openByHand(workshop: Workshop, measure: Measure): Promise<Side> {
  return openCallSide(workshop, {
    caller: import.meta.resolve("./servers/calls_by_hand.ts"),
    args: [childOf(workshop)],
    measure,
  });
}
