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

/** Who wants through, and where. */
export interface Way {
  readonly account: string;
  /** In the order in which they are passed. */
  readonly gates: readonly GateRef[];
  /** Whether it waits before those of its tenant that do not say so. @default {false} */
  readonly ahead?: boolean;
}

/** Somebody on the way through gates, or behind them. */
export interface Pass {
  /** Goes from wherever it is; those whom it was in the way go on at once. Harmless when repeated. */
  readonly leave: () => void;
}

/** Gates by name. Those nobody is behind or in front of take no memory. */
export interface Gates {
  /**
   * Calls `through` as soon as all gates are passed: before this returns, if nothing is in the way. In
   * front of each gate tenants take turns by weight.
   */
  readonly enter: (way: Way, through: (pass: Pass) => void) => Pass;
  /** The limits may have risen: whoever may go on does. */
  readonly widen: () => void;
}

interface Gate extends GateRef {
  behind: number;
  /** Who waits, made with the first of them: most gates never see one. Each says whether it goes through. */
  inFront?: FairQueue<() => boolean>;
}

/** Returns gates in front of which tenants take turns by weight. */
export function createGates(weightOf: (account: string) => number): Gates {
  const gates = new Map<string, Gate>();

  function gateOf({ name, limit }: GateRef): Gate {
    let gate = gates.get(name);
    if (gate === undefined) gates.set(name, gate = { name, limit, behind: 0 });
    return gate;
  }

  /** Lets those in front through, as many as fit. */
  function fill(gate: Gate): void {
    while (gate.behind < gate.limit()) {
      const next = gate.inFront?.shift();
      if (next === undefined) break;
      gate.behind++;
      if (!next()) gate.behind--;
    }
    if (isClear(gate)) forget(gate);
  }

  /** Drops a gate nobody waits at, unless somebody is behind it. */
  function forget(gate: Gate): void {
    if (gate.behind === 0 && gates.get(gate.name) === gate) gates.delete(gate.name);
  }

  /** Gates at which something has changed; whoever goes through one may change others, or it again. */
  const changed = new Set<Gate>();
  let isFilling = false;

  function fillChanged(): void {
    if (isFilling) return;
    isFilling = true;
    try {
      for (const gate of changed) {
        changed.delete(gate);
        fill(gate);
      }
    } finally {
      isFilling = false;
    }
  }

  return {
    enter({ account, gates: refs, ahead = false }, through) {
      const passed: Gate[] = [];
      let isGone = false;

      function advance(): void {
        while (passed.length < refs.length) {
          const gate = gateOf(refs[passed.length] as GateRef);
          if (gate.behind >= gate.limit() || !isClear(gate)) return wait(gate);
          gate.behind++;
          passed.push(gate);
        }
        through(pass);
      }

      function wait(gate: Gate): void {
        gate.inFront ??= createFairQueue(weightOf);
        gate.inFront.push(account, () => {
          if (isGone) return false;
          passed.push(gate);
          advance();
          return true;
        }, { ahead });
      }

      const pass: Pass = {
        leave() {
          if (isGone) return;
          isGone = true;
          for (const gate of passed) {
            gate.behind--;
            if (isClear(gate)) forget(gate);
            else changed.add(gate);
          }
          if (changed.size > 0) fillChanged();
        },
      };
      advance();
      return pass;
    },
    widen() {
      for (const gate of gates.values()) changed.add(gate);
      fillChanged();
    },
  };
}

function isClear({ inFront }: Gate): boolean {
  return inFront === undefined || inFront.size() === 0;
}
