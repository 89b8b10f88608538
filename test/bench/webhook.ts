/**
 * The webhook that every HTTP row sends, and the config that lets it in.
 *
 * @module
 */
import { createHmac } from "node:crypto";
import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** The sender's secret. */
export const WEBHOOK_SECRET = "a-secret-that-only-this-benchmark-uses";

/** Where the secret stands for the edge. */
export const WEBHOOK_ENV = { BENCH_WEBHOOK_SECRET: WEBHOOK_SECRET };

export const WEBHOOK_PATH = "/webhooks/bench";

/** Stands for the delivery id in a request; as long as the id that replaces it. */
export const ID_MARK = "bench-0000000000";

const BODY_BYTES = 2048;

/** Like a provider's: nested, mostly short strings. */
function bodyText(): string {
  const body = (filler: string): string =>
    JSON.stringify({
      type: "order.updated",
      created: 1_700_000_000,
      livemode: false,
      data: {
        order: { id: "order_1Mq2", status: "paid", amount: 4200, currency: "eur", note: filler },
        customer: { id: "cus_9s6X", name: "Grace Hopper", tags: ["vip", "newsletter"] },
        items: Array.from(
          { length: 12 },
          (_, i) => ({ sku: `sku-${i}`, quantity: i + 1, price: 350 }),
        ),
      },
    });
  return body("x".repeat(BODY_BYTES - body("").length));
}

/** One whole HTTP request, signed now, with {@linkcode ID_MARK} for its id; the id is not signed. */
export function signedRequest(host: string, nowMs: number): string {
  const body = bodyText();
  const timestamp = String(Math.floor(nowMs / 1000));
  const signature = createHmac("sha256", WEBHOOK_SECRET).update(`${timestamp}.${body}`).digest(
    "hex",
  );
  return [
    `POST ${WEBHOOK_PATH} HTTP/1.1`,
    `Host: ${host}`,
    "User-Agent: provider-hooks/1.0",
    "Accept: */*",
    "Content-Type: application/json",
    `Content-Length: ${Buffer.byteLength(body)}`,
    "X-Bench-Event: order.updated",
    `X-Bench-Delivery: ${ID_MARK}`,
    `X-Bench-Timestamp: ${timestamp}`,
    `X-Bench-Signature: sha256=${signature}`,
    "",
    body,
  ].join("\r\n");
}

const RECEIVER = `
enabled: true
# On, and never reached: a gate that refuses would be measured as a fast one.
default_rate_limit: { rps: 1000, burst: 1000000000 }
default_concurrency_cap: 512
sources:
  - id: bench
    path: ${WEBHOOK_PATH}
    signature:
      algorithm: hmac-sha256
      header: X-Bench-Signature
      prefix: "sha256="
      signed: "{timestamp}.{body}"
      timestamp: { header: X-Bench-Timestamp, tolerance_secs: 300 }
    secret_env: BENCH_WEBHOOK_SECRET
    event_kind_from: { kind: header, name: X-Bench-Event }
    dedupe: { header: X-Bench-Delivery }
    account_id: acme
`;

const AGENTS = `
agents:
  - id: ana
    model: { provider: offline, model: rules }
    system_prompt: Answer.
`;

/** Writes the config of one side into a directory of its own, beside its home. */
export async function makeConfig(dir: string): Promise<{ configDir: string; home: string }> {
  const place = await mkdtemp(join(dir, "nexo-"));
  const configDir = join(place, "config");
  await mkdir(configDir);
  const files = {
    "agents.yaml": AGENTS,
    "tenants.yaml": "tenants: { acme: { display_name: Acme } }\n",
    "webhook_receiver.yaml": RECEIVER,
    "extensions.yaml": "extensions: { enabled: false }\n",
    // Any port: a nexo may be running on this machine.
    "broker.yaml": "broker: { type: embedded, embedded: { port: 0 } }\n",
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(configDir, name), text);
  return { configDir, home: join(place, "home") };
}
