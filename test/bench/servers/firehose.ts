/**
 * Our firehose: events committed to the store, told to the clients of an edge in the same process.
 *
 * @module
 */
import { join } from "node:path";
import process from "node:process";
import { openLocalBus } from "../../../core/bus/local.ts";
import { EdgeAuth, FIREHOSE_PROTOCOL, WebhookReceiver } from "../../../core/contract/mod.ts";
import { createEventLog } from "../../../core/events/event_log.ts";
import { rowsForEvents } from "../../../core/events/event_rows.ts";
import { serveEvents } from "../../../core/events/serve.ts";
import { createPooledRandom } from "../../../core/flow/random.ts";
import { edgeConfigOf } from "../../../core/settings/edge_config.ts";
import { openStore } from "../../../core/store/open_store.ts";
import { openVault } from "../../../core/vault/vault.ts";
import { startNodeEdge } from "../../../edge/node.ts";
import { EVENT_TEXT, handshakeOf, serveFirehose } from "./firehose_job.ts";
import { portOf, quietLog } from "./quiet.ts";
import { benchGone } from "./talk.ts";

const [dir = "", migrationsDir = ""] = process.argv.slice(2);
const random = createPooledRandom();
await using bus = openLocalBus();
const vault = await openVault({ keysDir: join(dir, "keys"), random, now: Date.now });
await using store = await openStore({
  url: `file:${join(dir, "core.db")}`,
  migrationsDir,
  now: Date.now,
  log: quietLog,
});
const events = createEventLog({ store, log: quietLog });
using _service = await serveEvents({
  bus,
  store,
  events,
  verify: (token) => vault.verifyToken(token, { scope: "firehose", isRevoked: () => false }),
  random,
  log: quietLog,
});
await using edge = await startNodeEdge({
  bus,
  config: {
    ...edgeConfigOf(WebhookReceiver.parse({}), () => undefined, 1),
    auth: EdgeAuth.parse({ token_keys: [vault.publicJwk()], revoked: [] }),
  },
  port: 0,
  hostname: "127.0.0.1",
  log: quietLog,
  version: "bench",
});
const { token } = await vault.createToken({
  subject: "bench",
  scope: ["firehose"],
  accountId: "acme",
});

await serveFirehose({
  port: portOf(edge.url),
  handshake: handshakeOf("/firehose", `${FIREHOSE_PROTOCOL}, bearer.${token}`),
  hello: "",
  publish: (first, count) =>
    store.commit(rowsForEvents({
      account: "acme",
      events: Array.from({ length: count }, (_, i) => ({
        kind: "transcript_appended",
        agent_id: "ana",
        session_id: "5b0f7a7e-6c1e-4f0a-9a53-5f5f6f0d9c11",
        seq: first + i,
        role: "user",
        body: EVENT_TEXT,
        sent_at_ms: 1_700_000_000_000,
        source_plugin: "webchat",
      })),
    })),
});
await benchGone();
