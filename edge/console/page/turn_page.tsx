/**
 * One finished turn: what was said, which tools ran, what it cost.
 *
 * @module
 */
import type { TurnStory } from "../../../core/contract/views/turns.ts";
import { showDuration, showNumber } from "./format.ts";
import { OthersHere } from "./presence.tsx";
import { useQuery } from "./query.ts";
import { pathTo } from "./router.ts";
import { useServices } from "./services.ts";
import { TEXTS } from "./texts/mod.ts";
import { Trace } from "./trace.tsx";
import { Badge, Facts, Failure, Json, Link, Loading, PageHead, Time } from "./ui.tsx";

const T = TEXTS.turn;

/** The page of a turn. */
export function TurnPage({ turnId }: { turnId: string }) {
  const { api } = useServices();
  const { data, error, refresh } = useQuery({
    key: `turn ${turnId}`,
    ask: (signal) => api.call<TurnStory>("turns/story", { turn_id: turnId }, signal),
  });
  return (
    <>
      <PageHead title={data === undefined ? T.title : `${T.title} · ${data.turn.agent_id}`}>
        <Link to={pathTo("turns")} class="button">{T.back}</Link>
      </PageHead>
      {error === undefined ? null : <Failure error={error} onRetry={refresh} />}
      {data === undefined
        ? null
        : <OthersHere account={data.turn.account_id} conversation={data.turn.session_id} />}
      {data === undefined ? error === undefined ? <Loading /> : null : <Story story={data} />}
    </>
  );
}

function Story({ story }: { story: TurnStory }) {
  const { turn, tool_calls, entries, sends } = story;
  const reply = sends.at(-1);
  return (
    <>
      <Facts
        items={[
          [TEXTS.turns.outcome, <Badge state={turn.outcome} />],
          [TEXTS.turns.tenant, turn.account_id],
          [TEXTS.turns.agent, turn.agent_id],
          [T.binding, turn.binding_id],
          [TEXTS.turns.trigger, turn.trigger],
          [T.started, <Time atMs={turn.started_at_ms} isExact />],
          [TEXTS.turns.duration, showDuration(turn.duration_ms)],
          [T.model, `${turn.provider} / ${turn.model}`],
          [
            TEXTS.turns.tokens,
            T.tokens(showNumber(turn.tokens_in), showNumber(turn.tokens_out)),
          ],
          [T.tries, turn.attempts],
          [T.reply, reply === undefined ? T.noReply : <Badge state={reply.state} />],
          turn.envelope_id === null ? null : [
            T.delivery,
            <Link to={pathTo("deliveries", turn.envelope_id)}>
              <code>{turn.delivery_id ?? turn.envelope_id}</code>
            </Link>,
          ],
          [T.session, <code>{turn.session_id}</code>],
        ]}
      />
      {turn.error === null ? null : (
        <div class="note bad">
          <h2>{T.error}</h2>
          <p>{turn.error}</p>
        </div>
      )}
      <Trace story={story} />
      <Calls calls={tool_calls} />
      <Said entries={entries} />
    </>
  );
}

function Calls({ calls }: { calls: TurnStory["tool_calls"] }) {
  return (
    <section>
      <h2>{T.calls}</h2>
      {calls.length === 0 ? <p class="muted">{T.noCalls}</p> : null}
      {calls.map((call) => (
        <details class="panel" key={call.call_id} open={calls.length === 1}>
          <summary data-row>
            <code>{call.tool}</code> <Badge state={call.outcome} />{" "}
            <span class="muted">
              {showDuration(call.duration_ms)}
              {call.microapp_id === null ? "" : ` · ${T.by(call.microapp_id)}`}
              {` · ${
                call.limit === null
                  ? T.noLimit
                  : T.limit(rateText(call.limit.rps), call.limit.burst)
              }`}
            </span>
          </summary>
          <div class="pair">
            <div>
              <h3>{T.arguments}</h3>
              <Json value={call.arguments} label={T.arguments} />
            </div>
            <div>
              <h3>{T.result}</h3>
              <Json value={call.result} label={T.result} />
            </div>
          </div>
        </details>
      ))}
    </section>
  );
}

function Said({ entries }: { entries: TurnStory["entries"] }) {
  return (
    <section>
      <h2>{T.said}</h2>
      <p class="muted">{entries.length === 0 ? T.nothingSaid : T.saidHint}</p>
      <ol class="said">
        {entries.filter(({ body }) => body !== "").map(({ seq, role, body, sent_at_ms }) => (
          <li key={seq} class={role}>
            <p class="meta">
              {T.roles[role] ?? role} <Time atMs={sent_at_ms} />
            </p>
            <p class="wrap">{body}</p>
          </li>
        ))}
      </ol>
    </section>
  );
}

/** A rate as people say it: a slow one by the minute or hour. */
function rateText(rps: number): string {
  const [per, unit] = rps >= 1 ? [rps, "s"] : rps * 60 >= 1 ? [rps * 60, "min"] : [rps * 3600, "h"];
  return `${showNumber(Math.round(per * 100) / 100)}/${unit}`;
}
