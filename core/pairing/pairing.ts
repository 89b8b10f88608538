/**
 * Challenges from their start to their end: a link that somebody follows, or a stranger let in.
 *
 * Every step is one commit with its event; the code is at rest only sealed, and gone once it was used.
 *
 * @module
 */
import {
  type AgentEvent,
  type Clock,
  codeOf,
  messageOf,
  type PairingState,
  type PairingStatus,
  type Random,
} from "../contract/mod.ts";
import type { RowsForEvents } from "../events/event_rows.ts";
import type { Log } from "../flow/log.ts";
import type { Store, Write } from "../store/store.ts";
import {
  type Challenge,
  type Challenges,
  isFinal,
  OPEN_STATES,
  type TenantLine,
} from "./challenges.ts";
import { createKnockCode, createLinkCode, startParameter } from "./codes.ts";
import type { People } from "./people.ts";
import { drawQr } from "./qr.ts";

/** How long a link is good, in milliseconds. */
const LINK_TTL_MS = 300_000;
/** How long a stranger's code is good. */
const KNOCK_TTL_MS = 3_600_000;
/** How long the end of a challenge can be asked about. */
const REMEMBER_MS = 86_400_000;

/** How a person gets to a line. */
export interface Invitation {
  /** To be opened or scanned; undefined when the channel has no such thing. */
  readonly link: string | undefined;
  /** For whoever shows it. */
  readonly instructions: string;
}

/** What pairing needs. */
export interface PairingDeps {
  readonly store: Store;
  readonly challenges: Challenges;
  readonly people: People;
  /** How to reach a line with a parameter such as `pair-…`. @throws when the provider does not say */
  readonly invite: (line: TenantLine, parameter: string) => Promise<Invitation>;
  readonly eventRows: RowsForEvents;
  /** Tells microapps of a change, after it is on disk. */
  readonly notify: (account: string, status: PairingStatus) => void;
  readonly random: Random;
  readonly uuid: () => string;
  readonly now: Clock;
  readonly log: Log;
}

/** What became of a code that somebody sent. */
export type Redeemed = "linked" | "used" | "expired" | "unknown";

/** Pairing. */
export interface Pairing {
  readonly start: (
    line: TenantLine & { agent_id: string },
  ) => Promise<{ challenge_id: string; expires_at_ms: number; instructions: string }>;
  /** Where a challenge stands, with the picture to scan while it waits. */
  readonly status: (challenge: Challenge) => Promise<PairingStatus>;
  /** Resolves with whether it was still open. */
  readonly cancel: (challenge: Challenge) => Promise<boolean>;
  /** Takes the code of a link from a person; a second time from the same person it is `linked` still. */
  readonly redeem: (line: TenantLine, senderId: string, code: string) => Promise<Redeemed>;
  /**
   * A code for a stranger, under an id of the caller's: the same id gets the same code again. Undefined
   * while one under another id is still good.
   */
  readonly knock: (
    line: TenantLine & { agent_id: string },
    senderId: string,
    id: string,
  ) => Promise<string | undefined>;
  /** Lets the stranger with this code in. Resolves with who it was. */
  readonly approve: (line: TenantLine, code: string) => Promise<string | undefined>;
  /** Ends what is overdue. */
  readonly sweep: () => Promise<void>;
}

/** Returns pairing over its rows. */
export function createPairing(deps: PairingDeps): Pairing {
  const { store, challenges, people, now } = deps;

  /** Moves a challenge on, with its event; false when somebody was faster. */
  async function move(
    challenge: Challenge,
    state: PairingState,
    { senderId, writes = [] }: { senderId?: string; writes?: readonly Write[] } = {},
  ): Promise<boolean> {
    try {
      await store.commit([
        ...challenges.rowsForState(challenge, state, OPEN_STATES, senderId),
        ...writes,
        ...deps.eventRows({
          account: challenge.account_id,
          events: [eventOf(challenge, state, now())],
        }),
      ]);
    } catch (error) {
      if (codeOf(error) === "conflict") return false;
      throw error;
    }
    if (challenge.kind === "link") {
      deps.notify(
        challenge.account_id,
        await statusOf({ ...challenge, state, sender_id: senderId ?? challenge.sender_id }),
      );
    }
    return true;
  }

  async function statusOf(challenge: Challenge): Promise<PairingStatus> {
    const data = await dataOf(challenge);
    return {
      challenge_id: challenge.id,
      state: challenge.state,
      ...(Object.keys(data).length === 0 ? {} : { data }),
    };
  }

  async function dataOf(challenge: Challenge): Promise<NonNullable<PairingStatus["data"]>> {
    switch (challenge.state) {
      case "qr_ready":
      case "awaiting_user": {
        const code = await challenges.codeOf(challenge);
        if (code === undefined) return {};
        const { link } = await deps.invite(challenge, startParameter(code));
        return link === undefined ? {} : { link, ...await drawQr(link) };
      }
      case "linked":
        return challenge.sender_id === null ? {} : { device_jid: challenge.sender_id };
      case "expired":
        return { error: "the time to live of the challenge ran out" };
      case "pending":
      case "cancelled":
        return {};
    }
  }

  async function create(challenge: Challenge, code: string): Promise<void> {
    await store.commit([
      ...challenges.rowsForNew(challenge, code),
      ...deps.eventRows({
        account: challenge.account_id,
        events: [eventOf(challenge, challenge.state, now())],
      }),
    ]);
  }

  const isOverdue = ({ expires_at_ms }: Challenge): boolean => expires_at_ms <= now();

  return {
    async start({ account_id, agent_id, channel, instance }) {
      const code = createLinkCode(deps.random);
      const challenge: Challenge = {
        id: deps.uuid(),
        account_id,
        agent_id,
        channel,
        instance,
        kind: "link",
        state: "pending",
        sender_id: null,
        created_at_ms: now(),
        expires_at_ms: now() + LINK_TTL_MS,
      };
      const invitation = await deps.invite(challenge, startParameter(code));
      await create(challenge, code);
      if (invitation.link !== undefined) await move(challenge, "qr_ready");
      return {
        challenge_id: challenge.id,
        expires_at_ms: challenge.expires_at_ms,
        instructions: invitation.instructions,
      };
    },

    async status(challenge) {
      if (!isFinal(challenge.state) && isOverdue(challenge)) {
        await move(challenge, "expired");
        return statusOf({ ...challenge, state: "expired" });
      }
      const status = await statusOf(challenge);
      // Whoever asks has the picture from now on: the next step is the person's.
      if (challenge.state === "qr_ready") await move(challenge, "awaiting_user");
      return status;
    },

    cancel: async (challenge) => !isFinal(challenge.state) && await move(challenge, "cancelled"),

    async redeem(line, senderId, code) {
      const challenge = await challenges.findByCode(line, code);
      if (challenge === undefined || challenge.kind !== "link") return "unknown";
      if (challenge.state === "linked") {
        return challenge.sender_id === senderId ? "linked" : "used";
      }
      if (isFinal(challenge.state)) return "expired";
      if (isOverdue(challenge)) {
        await move(challenge, "expired");
        return "expired";
      }
      const writes = people.rowsForPaired(line, senderId, challenge.id, now());
      return await move(challenge, "linked", { senderId, writes }) ? "linked" : "used";
    },

    async knock({ account_id, agent_id, channel, instance }, senderId, id) {
      const line = { account_id, channel, instance };
      const last = await challenges.lastKnock(line, senderId);
      if (last?.id === id) return challenges.codeOf(last);
      if (last !== undefined && !isOverdue(last)) return undefined;
      const code = createKnockCode(deps.random);
      await create({
        id,
        ...line,
        agent_id,
        kind: "knock",
        state: "awaiting_user",
        sender_id: senderId,
        created_at_ms: now(),
        expires_at_ms: now() + KNOCK_TTL_MS,
      }, code);
      return code;
    },

    async approve(line, code) {
      const challenge = await challenges.findByCode(line, code);
      if (challenge?.kind !== "knock" || challenge.sender_id === null) return undefined;
      if (isFinal(challenge.state) || isOverdue(challenge)) return undefined;
      const writes = people.rowsForPaired(line, challenge.sender_id, challenge.id, now());
      return await move(challenge, "linked", { writes }) ? challenge.sender_id : undefined;
    },

    async sweep() {
      for (const challenge of await challenges.overdueForOperator(now())) {
        await move(challenge, "expired").catch((error: unknown) =>
          deps.log.warn("pairing.sweep", { challenge: challenge.id, error: messageOf(error) })
        );
      }
      await store.commit(challenges.rowsForForgetting(now() - REMEMBER_MS));
    },
  };
}

function eventOf(
  { id, agent_id, account_id, channel, instance }: Challenge,
  state: PairingState,
  nowMs: number,
): AgentEvent {
  return {
    kind: "pairing_status_changed",
    challenge_id: id,
    agent_id,
    channel,
    instance,
    state,
    at_ms: nowMs,
    tenant_id: account_id,
  };
}
