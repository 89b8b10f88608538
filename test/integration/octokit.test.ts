/**
 * GitHub's own examples of its events, signed by GitHub's own library, through a real daemon.
 *
 * @module
 */
import { createRequire } from "node:module";
import { sign } from "@octokit/webhooks-methods";
import { describe, expect, it } from "vitest";
import { openDaemonPlace } from "../support/daemon.ts";
import { openProvider, type ProviderRequest } from "../support/provider.ts";
import { eventually, type SeenTurn, tailTurns } from "../support/watch.ts";

const SECRET = "It's a Secret to Everybody";

const AGENTS = `
agents:
  - id: ana
    model: { provider: offline, model: rules }
    event_subscribers:
      - id: github
        subject_pattern: webhook.github.*
        inbound_template: "{{event_kind}} {{body_json.action}} in {{body_json.repository.full_name}}"
        session_key: "{{event_kind}}"
        max_concurrency: 32
`;

interface Example {
  readonly event: string;
  readonly deliveryId: string;
  readonly body: string;
  readonly signature: string;
}

type Examples = readonly { readonly name: string; readonly examples: readonly unknown[] }[];

function signedExamples(): Promise<Example[]> {
  const all = createRequire(import.meta.url)("@octokit/webhooks-examples") as Examples;
  const bodies = all.flatMap(({ name, examples }) =>
    examples.map((example) => ({ event: name, body: JSON.stringify(example, null, 2) }))
  );
  return Promise.all(bodies.map(async ({ event, body }, i) => ({
    event,
    body,
    deliveryId: `delivery-${i}`,
    signature: await sign(SECRET, body),
  })));
}

function requestOf({ event, deliveryId, body, signature }: Example): ProviderRequest {
  return {
    body,
    headers: {
      "content-type": "application/json",
      "user-agent": "GitHub-Hookshot/044aadd",
      "x-github-delivery": deliveryId,
      "x-github-event": event,
      "x-hub-signature-256": signature,
    },
  };
}

/** The same request with one thing about it not as the sender made it; `i` chooses where. */
async function tampered(example: Example, i: number): Promise<Record<string, ProviderRequest>> {
  const sent = requestOf(example);
  const signedAs = (signature: string | string[]): ProviderRequest => ({
    ...sent,
    headers: { ...sent.headers, "x-hub-signature-256": signature },
  });
  const { "x-hub-signature-256": _signature, ...unsigned } = sent.headers;
  const bits = Buffer.from(example.body);
  const at = (i * 7919) % bits.length;
  bits[at] = (bits[at] ?? 0) ^ (1 << (i % 8));
  const mac = Buffer.from(example.signature.slice("sha256=".length), "hex");
  mac[i % mac.length] = (mac[i % mac.length] ?? 0) ^ (1 << (i % 8));
  return {
    "a bit of the body": { ...sent, body: bits },
    "a bit of the signature": signedAs(`sha256=${mac.toString("hex")}`),
    "another secret": signedAs(await sign(`${SECRET}.`, example.body)),
    "an empty signature": signedAs("sha256="),
    "a short signature": signedAs(example.signature.slice(0, -2)),
    "no prefix": signedAs(example.signature.slice("sha256=".length)),
    "no signature": { ...sent, headers: unsigned },
    "the signature twice": signedAs([example.signature, example.signature]),
    "a wrong signature before": signedAs(["sha256=00", example.signature]),
    "a wrong signature behind": signedAs([example.signature, "sha256=00"]),
  };
}

describe("every example of GitHub's events", () => {
  it("becomes exactly one turn, however often it is sent, and nothing that was tampered with does", async () => {
    await using place = await openDaemonPlace({ env: { GITHUB_WEBHOOK_SECRET: SECRET } });
    await place.writeConfig("agents.yaml", AGENTS);
    await place.writeConfig("extensions.yaml", "extensions: {}\n");
    const daemon = await place.start();
    using provider = openProvider();
    const post = (sent: ProviderRequest) =>
      provider.post(`${daemon.edgeUrl}/webhooks/github`, sent);
    const examples = await signedExamples();
    expect(examples).toHaveLength(329);

    const passed = await Promise.all(examples.map(async (example, i) => {
      for (const [what, sent] of Object.entries(await tampered(example, i))) {
        expect(await post(sent), `${what} of ${example.deliveryId}`).toBe(401);
      }
      const [first, again] = await Promise.all([
        post(requestOf(example)),
        post(requestOf(example)),
      ]);
      return [first, again, await post(requestOf(example))];
    }));
    expect(new Set(passed.flat())).toEqual(new Set([204]));

    await eventually(daemon, async () => {
      const { waiting } = await daemon.call<{ waiting: number }>("status");
      return waiting === 0 ? true : undefined;
    });
    const turns = await tailTurns(daemon);
    const kindOf = (turn: SeenTurn) => ({
      id: turn.delivery_id,
      account: turn.account_id,
      outcome: turn.outcome,
    });
    const byId = (a: { id: string | null }, b: { id: string | null }) =>
      String(a.id).localeCompare(String(b.id));
    expect(turns.map(kindOf).sort(byId)).toEqual(
      examples.map(({ deliveryId }) => ({ id: deliveryId, account: "acme", outcome: "ok" })).sort(
        byId,
      ),
    );
    const { dead_letters } = await daemon.call<{ dead_letters: unknown[] }>("dlq/list");
    expect(dead_letters).toEqual([]);
    expect(await daemon.stop()).toBe(0);
  });
});
