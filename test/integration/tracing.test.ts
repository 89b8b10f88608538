/**
 * One webhook as one trace: edge, bus, core, microapp and channel, as a collector gets it by OTLP.
 *
 * @module
 */
import { createHmac, randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type HttpPeer, openHttpPeer } from "../support/channels/http_peer.ts";
import { type DaemonPlace, openDaemonPlace, type RunningDaemon } from "../support/daemon.ts";
import { type Collector, openCollector, type SeenSpan } from "../support/otlp.ts";
import { tailTurns } from "../support/watch.ts";

const SECRET = "a secret of the sender";
const AGENTS = `
agents:
  - id: ana
    model: { provider: offline, model: rules }
    inbound_bindings: [{ plugin: generic, instance: acme }, { plugin: webchat, instance: acme }]
    config: { debounce_ms: 0 }
`;
const PLUGIN = `
[plugin]
id = "mirror"
version = "1.0.0"
[plugin.entrypoint]
command = ${JSON.stringify(process.execPath)}
args = [${JSON.stringify(join(import.meta.dirname, "../support/microapps/good.mjs"))}]
[context]
passthrough = true
`;
const SENDER = `
[plugin]
id = "sender"
version = "1.0.0"
[plugin.entrypoint]
command = ${JSON.stringify(process.execPath)}
args = ${
  JSON.stringify([
    join(import.meta.dirname, "../support/microapps/sends.mjs"),
    resolve(import.meta.dirname, "../../dist/extensions/sdk"),
  ])
}
[context]
passthrough = true
[capabilities.admin]
required = ["dispatch_outbound"]
[outbound_bindings]
generic = ["acme"]
`;
const EXTENSIONS = `
extensions:
  entries:
    mirror: { path: . }
    sender: { path: sender, capabilities_grant: [dispatch_outbound] }
`;

let collector: Collector;
let service: HttpPeer;
let isAway = false;
let place: DaemonPlace;
let core: RunningDaemon;
const edges: Record<string, string> = {};

beforeAll(async () => {
  collector = await openCollector();
  service = await openHttpPeer(() => isAway ? { status: 503, body: {} } : { body: { id: "m-1" } });
  place = await openDaemonPlace({
    env: {
      NEXO_EDGE_KEY: "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_BSP_SCHEDULE_DELAY: "100",
    },
  });
  await place.writeConfig("broker.yaml", "broker: { type: embedded, embedded: { port: 0 } }\n");
  await place.writeConfig("agents.yaml", AGENTS);
  await place.writeConfig("tenants.yaml", "tenants: { acme: {}, globex: {} }\n");
  await place.writeConfig("plugin.toml", PLUGIN);
  await place.writeConfig("sender/plugin.toml", SENDER);
  await place.writeConfig("extensions.yaml", EXTENSIONS);
  await place.writeConfig(
    "plugins/generic.yaml",
    `generic:
  - instance: acme
    webhook: { secret: ${SECRET} }
    inbound: { contact: /who, text: /text }
    outbound: { url: "${service.url}/send", receipt: /id }
`,
  );
  core = await place.start("core");
  const token = (await readFile(join(place.home, "keys/broker.token"), "utf8")).trim();
  const url = core.brokerUrl.replace("://", `://${token}@`);
  for (const runtime of ["node", "deno"] as const) {
    edges[runtime] = (await place.startEdge(runtime, { NEXO_NATS_URL: url })).url;
  }
});
afterAll(async () => {
  await place[Symbol.asyncDispose]();
  await service[Symbol.asyncDispose]();
  await collector[Symbol.asyncDispose]();
});

function send(runtime: string, text: string, headers: Record<string, string> = {}) {
  const body = JSON.stringify({ who: "maria-secret-contact", text });
  const signature = createHmac("sha256", SECRET).update(body).digest("hex");
  return fetch(`${edges[runtime]}/channels/generic/acme`, {
    method: "POST",
    body,
    headers: { "x-signature": signature, "x-event-id": randomUUID(), ...headers },
  });
}

/** The spans of the trace that `request` began, once it has what comes last. */
const traceOf = (
  requestId: string,
  last: string,
  isWhole: (trace: readonly SeenSpan[]) => boolean = () => true,
): Promise<SeenSpan[]> =>
  collector.until((spans) => {
    const root = spans.find(({ attributes }) => attributes["nexo.request_id"] === requestId);
    const trace = spans.filter(({ traceId }) => traceId === root?.traceId);
    return trace.some(({ name }) => name === last) && isWhole(trace) ? trace : undefined;
  });

/** A trace as lines of `name < name of the parent`, in the order the spans began. */
function shapeOf(trace: readonly SeenSpan[]): string[] {
  const names = new Map(trace.map(({ spanId, name }) => [spanId, name]));
  return trace.map(({ name, parentSpanId }) =>
    `${name} < ${parentSpanId === "" ? "nothing" : names.get(parentSpanId) ?? "a stranger"}`
  ).sort();
}

describe("traces", () => {
  it.each(["node", "deno"])(
    "lead from a webhook at a %s edge to its answer, with each step under the one that caused it",
    async (runtime) => {
      const before = service.requests.length;
      const accepted = await send(runtime, 'echo {"n": 1}');
      expect(accepted.status).toBe(204);
      const trace = await traceOf(accepted.headers.get("x-request-id") ?? "", "outbox");
      expect(shapeOf(trace)).toEqual([
        "chat rules < turn",
        "chat rules < turn",
        "conversation < intake",
        "execute_tool ext_mirror_echo < turn",
        "handoff < webhook generic:acme",
        "intake < handoff",
        "outbox < turn",
        "send generic < outbox",
        "tools/call mirror < execute_tool ext_mirror_echo",
        "turn < conversation",
        "webhook generic:acme < nothing",
      ]);
      const services = Object.fromEntries(trace.map(({ name, service: of }) => [name, of]));
      expect(services).toMatchObject({
        "webhook generic:acme": "nexo-edge",
        handoff: "nexo-edge",
        intake: "nexo-core",
        "send generic": "nexo-core",
      });
      expect(trace.filter(({ status }) => status === 2)).toEqual([]);
      for (const { startNanos, endNanos } of trace) {
        expect(endNanos).toBeGreaterThanOrEqual(startNanos);
      }

      // What the microapp was given is the span of its own call, and the turn's row names the trace.
      const call = trace.find(({ name }) => name === "tools/call mirror");
      expect(service.requests[before]?.body).toContain(
        `00-${call?.traceId}-${call?.spanId}-01`,
      );
      const turnId = trace.find(({ name }) => name === "turn")?.attributes["nexo.turn_id"];
      const turns = await tailTurns(core, { account: "acme" });
      expect(turns.find(({ turn_id }) => turn_id === turnId)).toMatchObject({
        trace_id: call?.traceId,
      });
    },
  );

  it("lead from a visitor's message to its reply, whose send is the commit that ends the turn", async () => {
    const key = (await readFile(join(place.home, "keys/operator.key"), "utf8")).trim();
    const response = await fetch(`${edges["node"]}/chat/acme/messages`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${key}` },
      body: JSON.stringify({ text: "hello", contact: "visitor", client_msg_id: randomUUID() }),
    });
    expect(response.status).toBeLessThan(300);
    const trace = await collector.until((spans) => {
      const root = spans.find(({ name }) => name === "chat message");
      const all = spans.filter(({ traceId }) => traceId === root?.traceId);
      return all.some(({ name }) => name === "turn") ? all : undefined;
    });
    expect(shapeOf(trace)).toEqual([
      "chat < chat message",
      "chat message < nothing",
      "chat rules < turn",
      "conversation < intake",
      "intake < chat",
      "outbox < turn",
      "send webchat < outbox",
      "turn < conversation",
    ]);
    expect(trace.find(({ name }) => name === "send webchat")?.attributes).toMatchObject({
      "nexo.channel": "webchat",
      "nexo.outcome": "sent",
    });
    expect(trace.filter(({ status }) => status === 2)).toEqual([]);
  });

  it("go on in what a tool asks of core, and in the message it sends", async () => {
    const accepted = await send("node", 'remind {"to": "zoe"}');
    const trace = await traceOf(
      accepted.headers.get("x-request-id") ?? "",
      "admin nexo/dispatch",
      (spans) => spans.filter(({ name }) => name === "outbox").length === 2,
    );
    expect(shapeOf(trace)).toEqual([
      "admin nexo/dispatch < tools/call sender",
      "chat rules < turn",
      "chat rules < turn",
      "conversation < intake",
      "execute_tool ext_sender_remind < turn",
      "handoff < webhook generic:acme",
      "intake < handoff",
      "outbox < admin nexo/dispatch",
      "outbox < turn",
      "send generic < outbox",
      "send generic < outbox",
      "tools/call sender < execute_tool ext_sender_remind",
      "turn < conversation",
      "webhook generic:acme < nothing",
    ]);
  });

  it("are not those of others: what a microapp says of a call that is not open is no parent", async () => {
    const foreign = "00-1af7651916cd43dd8448eb211c80319d-b7ad6b7169203332-01";
    const accepted = await send("node", `remind {"to": "zoe", "traceparent": "${foreign}"}`);
    const trace = await traceOf(accepted.headers.get("x-request-id") ?? "", "outbox");
    expect(trace.map(({ name }) => name)).not.toContain("admin nexo/dispatch");
    const [alone] = await collector.until((spans) => {
      const root = spans.find(({ name, parentSpanId }) => name === "outbox" && parentSpanId === "");
      return root === undefined ? undefined : [root];
    });
    expect(alone?.links).toEqual([]);
    expect(collector.spans.map(({ traceId }) => traceId)).not.toContain(foreign.slice(3, 35));
  });

  it("begin anew at the edge: a traceparent from outside is a link, and a foreign one no parent", async () => {
    const foreign = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const accepted = await send("node", "hello", { traceparent: foreign });
    const trace = await traceOf(accepted.headers.get("x-request-id") ?? "", "outbox");
    const root = trace.find(({ parentSpanId }) => parentSpanId === "");
    expect(root).toMatchObject({ name: "webhook generic:acme", links: ["b7ad6b7169203331"] });
    expect(root?.traceId).not.toBe("0af7651916cd43dd8448eb211c80319c");
  });

  it("end at a refusal, and say by its code what went wrong", async () => {
    const body = JSON.stringify({ who: "x", text: "y" });
    const refused = await fetch(`${edges["node"]}/channels/generic/acme`, {
      method: "POST",
      body,
      headers: { "x-signature": "00" },
    });
    expect(refused.status).toBe(401);
    const trace = await traceOf(refused.headers.get("x-request-id") ?? "", "webhook generic:acme");
    expect(shapeOf(trace)).toEqual(["webhook generic:acme < nothing"]);
    expect(trace[0]?.attributes["http.response.status_code"]).toBe(401);
  });

  it("hold ids and nothing that anybody wrote: no text, no contact, no secret, no address", async () => {
    const planted = "my card is 4111111111111111, call +34 600 123 456";
    const accepted = await send("deno", `echo {"text": "${planted}"}`);
    await traceOf(accepted.headers.get("x-request-id") ?? "", "outbox");
    const text = collector.text();
    for (
      const secret of [
        "4111111111111111",
        "600 123 456",
        "maria",
        SECRET,
        "x-signature",
        service.url,
      ]
    ) {
      expect(text).not.toContain(secret);
    }
    const known = new Set(collector.spans.flatMap(({ attributes }) => Object.keys(attributes)));
    const guide = await readFile(join(import.meta.dirname, "../../docs/operate.md"), "utf8");
    for (const name of known) expect(guide, name).toContain(`\`${name}\``);
  });

  it("go on after a crash: a send that was not made belongs to the trace of its webhook", async () => {
    // The service takes nothing, so the message is still unsent at the kill.
    isAway = true;
    const accepted = await send("node", "hello again");
    const [first] = await traceOf(accepted.headers.get("x-request-id") ?? "", "send generic");
    await core.kill();
    const before = collector.spans.length;
    core = await place.start("core");
    const again = await collector.until((spans) =>
      spans.slice(before).find(({ name, traceId }) =>
        name === "send generic" && traceId === first?.traceId
      )
    );
    expect(again.status).toBe(2);
  });
});
