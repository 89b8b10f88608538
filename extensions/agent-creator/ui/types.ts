/**
 * What the API answers, as far as pages show it.
 *
 * @module
 */
import type { ResultOf } from "nexo-microapps/sdk";
import type { ComplianceSettings } from "../compliance/settings.ts";
import type { Campaign } from "../store/campaigns.ts";
import type { Lead } from "../store/leads.ts";
import type { Customer } from "../store/tenants.ts";
import type { User } from "../store/users.ts";

export type { ComplianceSettings, Customer, Lead, User };

/** `me` */
export interface Me {
  readonly user: User;
  readonly customer: Customer | null;
}
/** What a contact is called, where that is known. */
interface Named {
  readonly contact_name?: string;
}
/** One conversation. */
export type Conversation = ResultOf<"conversations/list">["conversations"][number] & Named;
/** `conversations` */
export interface Conversations {
  readonly conversations: readonly Conversation[];
}
/** `conversations/<agent>/<session>` */
export type Thread = Omit<ResultOf<"conversations/read">, "conversation"> & {
  readonly conversation: Conversation | null;
};
/** `escalations` */
export interface Escalations {
  readonly entries: readonly (ResultOf<"escalations/list">["entries"][number] & Named)[];
}
/** `presence`: who has which conversation open, by session. */
export interface Presence {
  readonly here: Readonly<Record<string, readonly Pick<User, "id" | "name">[]>>;
}
/** `leads` */
export interface Leads {
  readonly leads: readonly Lead[];
  readonly opted_out: readonly {
    channel: string;
    contact: string;
    at_ms: number;
    name: string | null;
  }[];
}
/** `drips` */
export interface Drips {
  readonly campaigns:
    readonly (Campaign & { progress: readonly { state: string; count: number }[] })[];
}
/** `agents` */
export interface Agents {
  readonly agents:
    readonly (ResultOf<"agents/get"> & { readonly compliance: ComplianceSettings })[];
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
