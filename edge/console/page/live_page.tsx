/**
 * What happens, as it happens.
 *
 * @module
 */
import { useEffect, useRef, useState } from "hono/jsx/dom";
import { ChoiceFilter, Filters, TextFilter } from "./filters.tsx";
import { type FlowCard, MAX_CARDS } from "./flow.ts";
import { CardView } from "./live_card.tsx";
import { mapOf } from "./map.ts";
import { MapView } from "./map_view.tsx";
import { useServices } from "./services.ts";
import { useStore } from "./store.ts";
import { TEXTS } from "./texts/mod.ts";
import { Command, Empty, Loading, PageHead } from "./ui.tsx";

/** The live page. */
export function LivePage() {
  const { live, router } = useServices();
  const now = useStore(live.cards);
  const past = useStore(live.past);
  const { query } = useStore(router.route);
  const [frozen, freeze] = useState<readonly FlowCard[] | undefined>(undefined);
  const all = frozen ?? now;
  const shown = all.filter((card) => fits(card, query));

  return (
    <>
      <PageHead title={TEXTS.pages.live} intro={TEXTS.live.intro}>
        {frozen === undefined ? null : <PausedCount frozen={frozen} now={now} />}
        <button
          type="button"
          data-pause
          aria-pressed={frozen === undefined ? "false" : "true"}
          onClick={() => freeze(frozen === undefined ? now : undefined)}
        >
          {frozen === undefined ? TEXTS.live.pause : TEXTS.live.resume}
        </button>
      </PageHead>
      <Filters>
        <TextFilter name="q" label={TEXTS.filters.text} hint={TEXTS.filters.textHint} isFirst />
        <ChoiceFilter name="tenant" label={TEXTS.filters.tenant} values={tenantsOf(all)} />
        <ChoiceFilter name="agent" label={TEXTS.filters.agent} values={agentsOf(all)} />
      </Filters>
      {past === "loading" && all.length === 0 ? <Loading label={TEXTS.live.past} /> : null}
      {past !== "loading" && !all.some(({ kind }) => kind === "work") ? <Quiet /> : null}
      {all.length > 0 && shown.length === 0 ? <Empty title={TEXTS.live.noMatch} /> : null}
      {shown.some(({ kind }) => kind === "work") ? <MapView map={mapOf(shown)} /> : null}
      <Cards cards={shown} />
      {shown.length >= MAX_CARDS ? <p class="muted">{TEXTS.live.kept(MAX_CARDS)}</p> : null}
    </>
  );
}

function Cards({ cards }: { cards: readonly FlowCard[] }) {
  // What was there when the page opened does not slide in; what comes later does.
  const { live } = useServices();
  const seen = useRef<Set<string> | null>(null);
  useEffect(() => {
    if (live.past.get() !== "loading") seen.current = new Set(cards.map(({ key }) => key));
  }, [cards]);
  const known = seen.current;
  return (
    <ol class="cards">
      {cards.map((card) => (
        <li key={card.key} class={known === null || known.has(card.key) ? "" : "new"}>
          <CardView card={card} />
        </li>
      ))}
    </ol>
  );
}

function PausedCount(
  { frozen, now }: { frozen: readonly FlowCard[]; now: readonly FlowCard[] },
) {
  const then = new Map(frozen.map((card) => [card.key, card]));
  const changed = now.filter((card) => then.get(card.key) !== card).length;
  return <span class="muted">{TEXTS.live.paused(changed)}</span>;
}

function Quiet() {
  return (
    <Empty title={TEXTS.live.emptyTitle}>
      <p>{TEXTS.live.empty}</p>
      <Command text={TEXTS.live.emptyCommand} />
      <p>{TEXTS.live.emptyChat}</p>
      <Command text={TEXTS.live.emptyChatCommand} />
    </Empty>
  );
}

/** Gaps always show: they are about everything. */
function fits(card: FlowCard, query: Readonly<Record<string, string>>): boolean {
  if (card.kind === "gap") return true;
  const { tenant = "", agent = "", q = "" } = query;
  if (card.kind === "microapp") {
    return tenant === "" && agent === "" && contains([card.microappId, card.state], q);
  }
  if (tenant !== "" && card.tenant !== tenant) return false;
  if (agent !== "" && !card.turns.some(({ agentId }) => agentId === agent)) return false;
  return contains([
    card.delivery?.sourceId,
    card.delivery?.eventKind,
    card.delivery?.deliveryId,
    ...card.turns.flatMap((turn) => [
      turn.bindingId,
      ...turn.sends.map(({ line }) => line),
      ...turn.calls.map(({ tool }) => tool),
      ...turn.entries.map(({ body }) => body),
    ]),
  ], q);
}

function contains(texts: readonly (string | null | undefined)[], wanted: string): boolean {
  const part = wanted.trim().toLowerCase();
  return part === "" || texts.some((text) => text?.toLowerCase().includes(part) === true);
}

function tenantsOf(cards: readonly FlowCard[]): string[] {
  return distinct(cards.flatMap((card) => card.kind === "work" ? card.tenant : []));
}

function agentsOf(cards: readonly FlowCard[]): string[] {
  return distinct(
    cards.flatMap((card) => card.kind === "work" ? card.turns.map(({ agentId }) => agentId) : []),
  );
}

function distinct(values: readonly string[]): string[] {
  return [...new Set(values)].filter((value) => value !== "").sort();
}
