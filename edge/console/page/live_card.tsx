/**
 * One card of the live page: a delivery on the left, the turns it became on the right.
 *
 * @module
 */
import { memo } from "hono/jsx/dom";
import { type FlowTurn, heardBy, replyOf } from "./flow_turn.ts";
import type { FlowCard, WorkCard } from "./flow.ts";
import { showDuration, showNumber } from "./format.ts";
import { pathTo } from "./router.ts";
import { TEXTS } from "./texts/mod.ts";
import { Badge, Link, Time } from "./ui.tsx";

/** A card; one that did not change is not drawn again. */
export const CardView = memo(({ card }: { card: FlowCard }) => {
  switch (card.kind) {
    case "work":
      return <Work card={card} />;
    case "microapp":
      return (
        <div class={`card notice ${card.state}`}>
          <Time atMs={card.atMs} />
          <p>
            {TEXTS.live.microapp(card.microappId, TEXTS.states[card.state] ?? card.state)}
            {card.reason === null ? "" : `: ${card.reason}`}
          </p>
        </div>
      );
    case "gap":
      return (
        <div class="card notice gap" role="note">
          <p>{TEXTS.live.gap}</p>
        </div>
      );
  }
}, (before, after) => before.card === after.card);

function Work({ card }: { card: WorkCard }) {
  const { delivery, turns } = card;
  const heard = turns.map(heardBy).find((text) => text !== undefined);
  return (
    <article class="card work" data-card={card.key}>
      <div class="stage origin">
        <p class="meta">
          <Time atMs={card.atMs} />
          <span class="tenant">{card.tenant}</span>
        </p>
        {delivery === null ? <p class="what">{TEXTS.live.message}</p> : (
          <p class="what">
            <Link to={pathTo("deliveries", delivery.envelopeId)} data-row>
              {delivery.sourceId} <span class="kind">{delivery.eventKind}</span>
            </Link>
          </p>
        )}
        {heard === undefined ? null : <p class="heard">{heard}</p>}
      </div>
      <div class="lanes">
        {turns.length === 0
          ? (
            <p class="lane waiting muted">
              {delivery?.inbounds === 0 ? TEXTS.live.noSubscriber : TEXTS.live.waiting}
            </p>
          )
          : turns.map((turn) => <Lane key={turn.turnId} turn={turn} isFirst={delivery === null} />)}
      </div>
    </article>
  );
}

function Lane({ turn, isFirst }: { turn: FlowTurn; isFirst: boolean }) {
  const { agentId, bindingId, end, calls, sends, attempt } = turn;
  const reply = replyOf(turn);
  return (
    <div class="lane">
      <div class="stage">
        <p class="meta">{TEXTS.live.turn}</p>
        <p class="what">
          {end === null
            ? agentId
            : <Link to={pathTo("turns", turn.turnId)} data-row={isFirst}>{agentId}</Link>}{" "}
          <Badge
            state={end?.outcome ?? "running"}
            label={end === null ? TEXTS.live.running : undefined}
          />
        </p>
        <p class="meta">
          {bindingId === null ? "" : TEXTS.live.from(bindingId)}
          {attempt > 1 ? ` · ${TEXTS.live.attempt(attempt)}` : ""}
          {end === null
            ? ""
            : ` · ${showDuration(end.durationMs)} · ${TEXTS.live.tokens(showNumber(end.tokens))}`}
        </p>
        {end?.error == null ? null : <p class="error-text">{end.error}</p>}
      </div>
      <div class="stage">
        <p class="meta">{TEXTS.live.tools}</p>
        {calls.length === 0
          ? <p class="muted">{end === null ? TEXTS.live.thinking : TEXTS.live.noTools}</p>
          : (
            <ul class="calls">
              {calls.map(({ callId, tool, outcome, durationMs }) => (
                <li key={callId}>
                  <code>{tool}</code> <Badge state={outcome} />{" "}
                  <span class="meta">{showDuration(durationMs)}</span>
                </li>
              ))}
            </ul>
          )}
      </div>
      <div class="stage">
        <p class="meta">{TEXTS.live.reply}</p>
        {reply === undefined
          ? <p class="muted">{end === null ? TEXTS.live.thinking : TEXTS.live.noReply}</p>
          : <p class="reply">{reply}</p>}
        {sends.map(({ outboundId, line, state, reason }) => (
          <p class="meta" key={outboundId}>
            <Badge state={state} /> {TEXTS.live.to(line)}
            {reason === null ? "" : `: ${reason}`}
          </p>
        ))}
      </div>
    </div>
  );
}
