/**
 * What the API answers, as far as pages show it.
 *
 * @module
 */
import type { ResultOf } from "nexo-microapps/sdk";
import type { Campaign } from "../store/campaigns.ts";
import type { Lead } from "../store/leads.ts";
import type { Customer } from "../store/tenants.ts";
import type { User } from "../store/users.ts";

export type { Customer, Lead, User };

/** `me` */
export interface Me {
  readonly user: User;
  readonly customer: Customer | null;
}
/** `conversations` */
export type Conversations = ResultOf<"conversations/list">;
/** One of them. */
export type Conversation = Conversations["conversations"][number];
/** `conversations/<agent>/<session>` */
export type Thread = ResultOf<"conversations/read">;
/** `escalations` */
export type Escalations = ResultOf<"escalations/list">;
/** `leads` */
export interface Leads {
  readonly leads: readonly Lead[];
  readonly opted_out: readonly { channel: string; contact: string; at_ms: number }[];
}
/** `drips` */
export interface Drips {
  readonly campaigns:
    readonly (Campaign & { progress: readonly { state: string; count: number }[] })[];
}
/** `agents` */
export interface Agents {
  readonly agents: readonly ResultOf<"agents/get">[];
}
/** One of them. */
export type Agent = Agents["agents"][number];
/** `skills` */
export type Skills = ResultOf<"skills/list">;
/** `skills/<name>` */
export type Skill = NonNullable<ResultOf<"skills/get">["skill"]>;
/** `turns` */
export type Turns = ResultOf<"turns/tail">;
/** `usage` */
export type Usage = ResultOf<"usage/list">;
/** `audit` */
export type Audit = ResultOf<"audit/tail">;
/** `pairing` */
export interface Pairing {
  readonly pairing: ResultOf<"pairing/status"> | null;
}
