/**
 * The lines of channels: who answers, what they sign in with, what waits to be sent.
 *
 * @module
 */
import type { LineView } from "../../../core/contract/views/channels.ts";
import { showSpan } from "./format.ts";
import { useQuery } from "./query.ts";
import { pathTo } from "./router.ts";
import { useServices } from "./services.ts";
import { TEXTS } from "./texts/mod.ts";
import { TilePage } from "./tile_page.tsx";
import { Badge, Facts, Link, Time } from "./ui.tsx";

const T = TEXTS.channels;

/** The channels page. */
export function ChannelsPage() {
  const { api } = useServices();
  const query = useQuery({
    key: "channels",
    ask: async (signal) =>
      (await api.call<{ lines: LineView[] }>("channels/health", {}, signal)).lines,
    changedBy: ["turn_started", "outbound_sent", "outbound_failed", "config_applied"],
  });
  return (
    <TilePage
      title={TEXTS.pages.channels}
      texts={T}
      query={query}
      show={(line) => <Line key={`${line.channel}:${line.instance}`} line={line} />}
    />
  );
}

function Line({ line }: { line: LineView }) {
  const { channel, instance, account_id: account, credential, reason } = line;
  const moment = (atMs: number | null) => atMs === null ? "–" : <Time atMs={atMs} />;
  return (
    <article class="panel tile" data-line={`${channel}:${instance}`}>
      <header>
        <div>
          <h2>{instance}</h2>
          <p class="muted">{channel}</p>
        </div>
        <Badge state={line.state} />
      </header>
      {reason === null
        ? null
        : <p class={`note ${line.state === "failing" ? "bad" : "warn"}`}>{reason}</p>}
      <Facts
        items={[
          [
            T.tenant,
            account === null ? "–" : <Link to={pathTo("tenants", account)}>{account}</Link>,
          ],
          [T.agents, line.agents.length === 0 ? T.nobody : line.agents.join(", ")],
          [
            T.credential,
            credential === null ? T.inFiles : (
              <>
                {T.registeredBy(credential.registered_by)}{" "}
                <Time atMs={credential.registered_at_ms} />
              </>
            ),
          ],
          [T.lastTurn, moment(line.last_turn_ms)],
          [T.lastSent, moment(line.last_sent_ms)],
          [T.lastFailed, moment(line.last_failed_ms)],
          [T.waiting, <Waiting line={line} />],
          line.webhook_path === null ? null : [T.webhook, <code>{line.webhook_path}</code>],
        ]}
      />
    </article>
  );
}

function Waiting({ line }: { line: LineView }) {
  const { waiting, retrying, oldest_waiting_ms: oldest } = line;
  if (waiting === 0 || oldest === null) return <>{T.nothingWaits}</>;
  return <>{T.waits(waiting, retrying, showSpan(Date.now() - oldest))}</>;
}
