/**
 * What a tool call costs both processes, against the MCP SDK on both ends.
 *
 * @module
 */
import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { openCallSide } from "../call_side.ts";
import type { Row } from "../row.ts";

export const toolcallMcp: Row = {
  name: "toolcall-mcp",
  unit: "calls per CPU-second",
  target: { atLeast: 2 },
  quick: true,
  ours: async (workshop) =>
    openCallSide(workshop, {
      caller: import.meta.resolve("../servers/host_calls.ts"),
      args: [
        await mkdtemp(join(workshop.dir, "host-")),
        workshop.compiled(import.meta.resolve("../servers/echo_microapp.ts")),
      ],
    }),
  theirs: (workshop) =>
    openCallSide(workshop, {
      caller: import.meta.resolve("../servers/mcp_calls.ts"),
      args: [workshop.compiled(import.meta.resolve("../servers/mcp_server.ts"))],
    }),
};
