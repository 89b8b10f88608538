/**
 * An edge with one provider's source, and requests as that provider signs them.
 *
 * @module
 */
import type { Oracle } from "../../support/oracles/oracle.ts";
import { ORACLES } from "../../support/oracles/providers.ts";
import { type Answer, configOf, type Fixture, type RawSource, send, startEdge } from "./support.ts";

export const oracleOf = (name: string): Oracle => ORACLES.find((one) => one.name === name)!;
export const VERIFY_TOKEN = "a token that was chosen";

/** Starts an edge with a source of the oracle's preset. */
export function startWith(name: string, more: RawSource = {}): Promise<Fixture> {
  const { preset, secret, source } = oracleOf(name);
  const raw = { id: "s", path: "/s", preset, secret_env: "S", ...source, ...more };
  return startEdge(configOf([raw], {}, { S: secret, S_VERIFY_TOKEN: VERIFY_TOKEN }));
}

/** Sends a body as the provider signs it. */
export async function post(
  fixture: Fixture,
  name: string,
  body: unknown,
  more: Record<string, string> = {},
): Promise<Answer> {
  const bytes = new TextEncoder().encode(typeof body === "string" ? body : JSON.stringify(body));
  const { headers, query } = await oracleOf(name).send(bytes, fixture.clock.nowMs, "id-1");
  return send(`${fixture.edge.url}/s${query}`, { body: bytes, headers: { ...headers, ...more } });
}
