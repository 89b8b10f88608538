/**
 * The map of what flows: where work comes from, who does it, with which tools, and where it goes.
 *
 * @module
 */
import type { FlowTurn } from "./flow_turn.ts";
import type { FlowCard, WorkCard } from "./flow.ts";

/** The stages, in the order work passes them. */
export const STAGES = ["in", "agent", "tool", "out"] as const;
/** See {@linkcode STAGES}. */
export type Stage = typeof STAGES[number];

/** One place work passes. */
export interface MapNode {
  /** Unique over all stages. */
  readonly id: string;
  readonly stage: Stage;
  /** Empty for the node that stands for all others of its stage. */
  readonly name: string;
  readonly count: number;
  /** How much of it went wrong. */
  readonly bad: number;
  /** Turns at work there now. */
  readonly busy: number;
  /** Nodes that this one stands for. */
  readonly others: number;
}

/** Work that went from one place to another. */
export interface MapLink {
  readonly id: string;
  readonly from: string;
  readonly to: string;
  readonly count: number;
  readonly bad: number;
}

/** Nodes by stage, the busiest first, and the links between them. */
export interface FlowMap {
  readonly stages: Readonly<Record<Stage, readonly MapNode[]>>;
  readonly links: readonly MapLink[];
}

/** Nodes of one stage; the others are one node together. */
export const MAX_NODES = 6;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Draws the map of some cards. */
export function mapOf(cards: readonly FlowCard[]): FlowMap {
  const nodes = new Map<string, Mutable<MapNode>>();
  const links = new Map<string, Mutable<MapLink>>();

  function pass(stage: Stage, name: string, { bad = 0, busy = 0 } = {}): string {
    const id = `${stage} ${name}`;
    const known = nodes.get(id) ?? { id, stage, name, count: 0, bad: 0, busy: 0, others: 0 };
    known.count += 1;
    known.bad += bad;
    known.busy += busy;
    nodes.set(id, known);
    return id;
  }

  function link(from: string, to: string, bad = 0): void {
    const id = `${from} > ${to}`;
    const known = links.get(id) ?? { id, from, to, count: 0, bad: 0 };
    known.count += 1;
    known.bad += bad;
    links.set(id, known);
  }

  function addTurn(turn: FlowTurn, from: string): void {
    const { end, calls, sends } = turn;
    const bad = end !== null && end.outcome !== "ok" ? 1 : 0;
    const agent = pass("agent", turn.agentId, { bad, busy: end === null ? 1 : 0 });
    link(from, agent, bad);
    const tools = new Set<string>();
    for (const { tool, outcome } of calls) {
      const isBad = outcome === "ok" ? 0 : 1;
      const id = pass("tool", tool, { bad: isBad });
      tools.add(id);
      link(agent, id, isBad);
    }
    for (const { line, state } of sends) {
      const isBad = state === "failed" ? 1 : 0;
      const id = pass("out", line, { bad: isBad });
      for (const before of tools.size === 0 ? [agent] : tools) link(before, id, isBad);
    }
  }

  for (const card of cards) {
    if (card.kind !== "work") continue;
    const from = pass("in", originOf(card));
    for (const turn of card.turns) addTurn(turn, from);
  }
  return folded([...nodes.values()], [...links.values()]);
}

/** A source, or the line, timer or colleague that a turn began with. */
function originOf({ delivery, turns }: WorkCard): string {
  return delivery?.sourceId ?? turns.find(({ bindingId }) => bindingId !== null)?.bindingId ?? "–";
}

/** Keeps the busiest of each stage and lets one node stand for the others. */
function folded(nodes: readonly MapNode[], links: readonly MapLink[]): FlowMap {
  const standsFor = new Map<string, string>();
  const stage = (name: Stage): MapNode[] => {
    const all = nodes.filter((node) => node.stage === name)
      .sort((a, b) => b.count - a.count || (a.name < b.name ? -1 : 1));
    if (all.length <= MAX_NODES) return all;
    const rest = all.slice(MAX_NODES - 1);
    const id = `${name} `;
    for (const node of rest) standsFor.set(node.id, id);
    const sum = (of: (node: MapNode) => number): number =>
      rest.reduce((total, node) => total + of(node), 0);
    return [...all.slice(0, MAX_NODES - 1), {
      id,
      stage: name,
      name: "",
      count: sum(({ count }) => count),
      bad: sum(({ bad }) => bad),
      busy: sum(({ busy }) => busy),
      others: rest.length,
    }];
  };
  const stages = { in: stage("in"), agent: stage("agent"), tool: stage("tool"), out: stage("out") };
  const merged = new Map<string, Mutable<MapLink>>();
  for (const { from, to, count, bad } of links) {
    const ends = { from: standsFor.get(from) ?? from, to: standsFor.get(to) ?? to };
    const id = `${ends.from} > ${ends.to}`;
    const known = merged.get(id) ?? { id, ...ends, count: 0, bad: 0 };
    known.count += count;
    known.bad += bad;
    merged.set(id, known);
  }
  return { stages, links: [...merged.values()] };
}
