/**
 * How many clients may be here at once: of one tenant, and of one token subject within it.
 *
 * @module
 */

/** Bounds; a change counts for whoever comes next, and cuts nobody. */
export interface SeatLimits {
  /** Clients of one tenant, or of the operators. */
  readonly perTenant: number;
  /** Clients of one token subject of that tenant. */
  readonly perSubject: number;
}

/** Which bound a client met. */
export interface SeatsTaken {
  readonly bound: keyof SeatLimits;
  readonly limit: number;
}

/** The places of one edge. */
export interface Seats {
  /** Takes a place; returns why there is none. */
  take(tenant: string, subject: string): SeatsTaken | undefined;
  /** Gives back what was taken, once. */
  leave(tenant: string, subject: string): void;
}

/** Builds the places; `limits` is asked each time. */
export function createSeats(limits: () => SeatLimits): Seats {
  const tenants = new Map<string, Map<string, number>>();
  const totals = new Map<string, number>();

  return {
    take(tenant, subject) {
      const { perTenant, perSubject } = limits();
      const total = totals.get(tenant) ?? 0;
      if (total >= perTenant) return { bound: "perTenant", limit: perTenant };
      const subjects = tenants.get(tenant) ?? new Map<string, number>();
      const own = subjects.get(subject) ?? 0;
      if (own >= perSubject) return { bound: "perSubject", limit: perSubject };
      tenants.set(tenant, subjects.set(subject, own + 1));
      totals.set(tenant, total + 1);
      return undefined;
    },
    leave(tenant, subject) {
      const subjects = tenants.get(tenant);
      const left = (subjects?.get(subject) ?? 1) - 1;
      if (left > 0) subjects?.set(subject, left);
      else subjects?.delete(subject);
      if (subjects?.size === 0) tenants.delete(tenant);
      const total = (totals.get(tenant) ?? 1) - 1;
      if (total > 0) totals.set(tenant, total);
      else totals.delete(tenant);
    },
  };
}
