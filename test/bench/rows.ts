/**
 * Every row there is, in the order they run.
 *
 * @module
 */
import type { Row } from "./row.ts";
import { ingestAfternoon } from "./rows/ingest_afternoon.ts";
import { ingestOne } from "./rows/ingest_one.ts";
import { toolcallMcp } from "./rows/toolcall_mcp.ts";
import { verify } from "./rows/verify.ts";

export const ROWS: readonly Row[] = [verify, ingestOne, ingestAfternoon, toolcallMcp];
