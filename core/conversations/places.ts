/**
 * Places for turns that work. One that waits for somebody else, a model or a microapp, holds none.
 *
 * All turns work on one thread and share its commits, so each that works makes the steps of all others
 * longer, and each step does a little more work when few share it. So many may work, but not many of one
 * tenant while others are there, too.
 *
 * @module
 */
import type { Clock } from "../contract/mod.ts";
import type { Soon } from "../flow/soon.ts";
import { createGates, type GateRef, type Pass } from "./gates.ts";

/** What a turn works in, given back when disposed. */
export interface Place extends Disposable {
  /**
   * Does `work`, which waits for somebody else, without the place, and goes on once there is one again.
   * When the turn's signal aborts it goes on at once, so that it can end.
   */
  readonly away: <T>(work: () => Promise<T>) => Promise<T>;
}

/** For whom a place is. */
export interface PlaceHolder {
  readonly account: string;
  /** Aborts when the turn shall end. */
  readonly signal: AbortSignal;
}

/** The places of all turns. Who waits for one gets it by the weights of the tenants. */
export interface Places {
  /**
   * Calls `begin` as soon as there is a place for a turn of the tenant, which `begin` takes for it before
   * it returns, or leaves to others.
   */
  readonly whenFree: (account: string, begin: (take: TakePlace) => void) => void;
  /** Resolves with a place for work that belongs to a turn which has begun: before turns that have not. */
  readonly enter: (holder: PlaceHolder) => Promise<Place>;
  /** The limits may have risen. */
  readonly widen: () => void;
}

/** Takes the place there is. */
export type TakePlace = (holder: Pick<PlaceHolder, "signal">) => Place;

/** Limits, read whenever they matter. */
export interface PlaceLimits {
  /** Turns that work at once, all tenants together. */
  readonly workingTurns: () => number;
  /** Of one tenant, while others are there. */
  readonly workingTurnsBesideOthers: (account: string) => number;
  readonly weightOf: (account: string) => number;
}

/** For how long a tenant is still there after it had something to do, in milliseconds. */
const THERE_MS = 1_000;

/** Returns places nobody is in. */
export function createPlaces({ now, ...limits }: PlaceLimits & { readonly now: Clock }): Places {
  const gates = createGates(limits.weightOf);
  const crowd = createCrowd(now);

  function gatesOf(account: string): GateRef[] {
    // Never more than have a place: one that is through has its place before all who come later.
    const ownLimit = (): number =>
      crowd.isAlone(account) ? limits.workingTurns() : limits.workingTurnsBesideOthers(account);
    return [{ name: `tenant ${account}`, limit: ownLimit }, {
      name: "all",
      limit: limits.workingTurns,
    }];
  }

  function placeOf(
    { account, signal }: PlaceHolder,
    refs: readonly GateRef[],
    held: Pass | undefined,
  ) {
    let pass = held;

    /** Here when it has a place, or never will. */
    function back(): Soon<void> {
      if (signal.aborted) return;
      crowd.saw(account);
      let isIn = false;
      let goOn = (): void => undefined;
      pass = gates.enter({ account, gates: refs, ahead: true }, () => {
        isIn = true;
        goOn();
      });
      if (isIn) return;
      return new Promise<void>((resolve) => {
        const giveUp = (): void => {
          pass?.leave();
          resolve();
        };
        signal.addEventListener("abort", giveUp, { once: true });
        goOn = () => {
          signal.removeEventListener("abort", giveUp);
          resolve();
        };
      });
    }

    const place: Place = {
      async away(work) {
        pass?.leave();
        try {
          return await work();
        } finally {
          const waiting = back();
          if (waiting !== undefined) await waiting;
        }
      },
      [Symbol.dispose]: () => pass?.leave(),
    };
    return { place, back };
  }

  return {
    whenFree(account, begin) {
      crowd.saw(account);
      const refs = gatesOf(account);
      gates.enter({ account, gates: refs }, (pass) => {
        let isTaken = false;
        begin(({ signal }) => {
          isTaken = true;
          return placeOf({ account, signal }, refs, pass).place;
        });
        if (!isTaken) pass.leave();
      });
    },
    async enter(holder) {
      const { place, back } = placeOf(holder, gatesOf(holder.account), undefined);
      await back();
      return place;
    },
    widen: gates.widen,
  };
}

/** Who was there of late. */
interface Crowd {
  readonly saw: (account: string) => void;
  readonly isAlone: (account: string) => boolean;
}

/** Remembers the last to be seen, and the last before who was another: one of them is another than any. */
function createCrowd(now: Clock): Crowd {
  let last = { account: "", atMs: -Infinity };
  let other = last;
  return {
    saw(account) {
      if (account !== last.account) other = last;
      last = { account, atMs: now() };
    },
    isAlone(account) {
      const agoMs = now() - (account === last.account ? other : last).atMs;
      // A clock that was set back says nothing of who is there.
      return agoMs > THERE_MS || agoMs < 0;
    },
  };
}
