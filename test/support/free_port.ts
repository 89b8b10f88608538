/**
 * Ports for programs that are told where to listen.
 *
 * @module
 */
import { once } from "node:events";
import { createServer } from "node:net";

/** Below the ports that Linux gives to outgoing connections: none of those takes one before its program listens. */
const FIRST = 10_000;
const PORTS_EACH = 1_000;
const SHARES = 22;
/** This worker's share of the ports: no other worker finds the same port in the same moment. */
const first = FIRST + Number(process.env["VITEST_POOL_ID"] ?? 0) % SHARES * PORTS_EACH;
/** Files of tests run one after another in a share, so each begins elsewhere. */
let next = process.pid;

/** A port nobody listens on now, and that is not given out again here. @throws RangeError when all are taken */
export async function freePort(hostname = "127.0.0.1"): Promise<number> {
  for (let tries = 0; tries < PORTS_EACH; tries++) {
    const port = first + next++ % PORTS_EACH;
    if (await isFree(port, hostname)) return port;
  }
  throw new RangeError(`Cannot find a port: ${first} and the ${PORTS_EACH} after it are taken`);
}

async function isFree(port: number, hostname: string): Promise<boolean> {
  const server = createServer().listen(port, hostname);
  try {
    await once(server, "listening");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EADDRINUSE") return false;
    throw error;
  }
  server.close();
  await once(server, "close");
  return true;
}
