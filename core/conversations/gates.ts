/**
 * Gates that let a limited number through at once.
 *
 * @module
 */
import { createFairQueue, type FairQueue } from "./fair_queue.ts";

/** A gate, and how many may be behind it; the limit is asked again each time. */
export interface GateRef {
  readonly name: string;
  readonly limit: () => number;
}

/** Gates by name. Those nobody is behind or in front of take no memory. */
export interface Gates<T> {
  /** Whether the item is through; otherwise it waits in front. */
  readonly enter: (gate: GateRef, account: string, item: T) => boolean;
  /** One that was through goes; returns those who are through now. */
  readonly leave: (gate: GateRef) => T[];
  /** The limits may have risen; returns those who are through now. */
  readonly widen: () => T[];
}

interface Gate<T> {
  readonly limit: () => number;
  behind: number;
  /** Made when the first has to wait: most gates never see one. */
  inFront?: FairQueue<T>;
}

/** Returns gates in front of which tenants take turns by weight. */
export function createGates<T>(weightOf: (account: string) => number): Gates<T> {
  const gates = new Map<string, Gate<T>>();

  function fill(name: string, gate: Gate<T>): T[] {
    const through: T[] = [];
    while (gate.behind < gate.limit()) {
      const next = gate.inFront?.shift();
      if (next === undefined) break;
      gate.behind++;
      through.push(next);
    }
    if (gate.behind === 0 && isClear(gate)) gates.delete(name);
    return through;
  }

  return {
    enter({ name, limit }, account, item) {
      let gate = gates.get(name);
      if (gate === undefined) {
        gate = { limit, behind: 0 };
        gates.set(name, gate);
      }
      if (gate.behind < limit() && isClear(gate)) {
        gate.behind++;
        return true;
      }
      gate.inFront ??= createFairQueue(weightOf);
      gate.inFront.push(account, item);
      return false;
    },
    leave({ name }) {
      const gate = gates.get(name);
      if (gate === undefined) return [];
      gate.behind--;
      return fill(name, gate);
    },
    widen: () => [...gates].flatMap(([name, gate]) => fill(name, gate)),
  };
}

function isClear<T>({ inFront }: Gate<T>): boolean {
  return inFront === undefined || inFront.size() === 0;
}
