/**
 * What an operator pauses: one conversation, one binding of an agent, or an agent, of one tenant.
 *
 * @module
 */
import type { ConversationKey, ProcessingScope } from "../contract/mod.ts";

/** A scope whose tenant and instance are settled. */
export type Scope =
  | {
    readonly kind: "conversation";
    readonly account: string;
    readonly agentId: string;
    readonly channel: string;
    readonly instance: string;
    readonly contact: string;
  }
  | {
    readonly kind: "agent_binding";
    readonly account: string;
    readonly agentId: string;
    readonly channel: string;
    readonly instance: string;
  }
  | { readonly kind: "agent"; readonly account: string; readonly agentId: string };

/** The scope as one text, unique within its tenant. */
export function scopeKey(scope: Scope): string {
  switch (scope.kind) {
    case "conversation":
      return JSON.stringify([
        "conversation",
        scope.agentId,
        scope.channel,
        scope.instance,
        scope.contact,
      ]);
    case "agent_binding":
      return JSON.stringify(["agent_binding", scope.agentId, scope.channel, scope.instance]);
    case "agent":
      return JSON.stringify(["agent", scope.agentId]);
  }
}

/** The conversation of a key as a scope. */
export function conversationScope(key: ConversationKey): Scope & { kind: "conversation" } {
  const { account_id: account, agent_id: agentId, channel, instance, contact } = key;
  return { kind: "conversation", account, agentId, channel, instance, contact };
}

/** The key of a conversation. */
export function keyOfScope(scope: Scope & { kind: "conversation" }): ConversationKey {
  const { account, agentId, channel, instance, contact } = scope;
  return { account_id: account, agent_id: agentId, channel, instance, contact };
}

/** Every scope a conversation lies in, the narrowest first. */
export function scopesOver(key: ConversationKey): [Scope, Scope, Scope] {
  const { account_id: account, agent_id: agentId, channel, instance } = key;
  return [
    conversationScope(key),
    { kind: "agent_binding", account, agentId, channel, instance },
    { kind: "agent", account, agentId },
  ];
}

/** The scope as the wire says it: the tenant in `account_id` and `tenant_id`, the instance beside it. */
export function wireScope(scope: Scope): ProcessingScope {
  const { account, agentId } = scope;
  const tenant = { account_id: account, tenant_id: account };
  switch (scope.kind) {
    case "conversation": {
      const { channel, instance, contact } = scope;
      return {
        kind: "conversation",
        agent_id: agentId,
        channel,
        ...tenant,
        instance,
        contact_id: contact,
      };
    }
    case "agent_binding": {
      const { channel, instance } = scope;
      return { kind: "agent_binding", agent_id: agentId, channel, ...tenant, instance };
    }
    case "agent":
      return { kind: "agent", agent_id: agentId, ...tenant };
  }
}

/** The columns of a scope, for tables that have one. */
export function scopeColumns(scope: Scope) {
  return {
    account_id: scope.account,
    scope_key: scopeKey(scope),
    kind: scope.kind,
    agent_id: scope.agentId,
    channel: scope.kind === "agent" ? null : scope.channel,
    instance: scope.kind === "agent" ? null : scope.instance,
    contact: scope.kind === "conversation" ? scope.contact : null,
  };
}

/** A scope as a table holds it. */
export interface ScopeRow {
  readonly account_id: string;
  readonly kind: Scope["kind"];
  readonly agent_id: string;
  readonly channel: string | null;
  readonly instance: string | null;
  readonly contact: string | null;
}

/** The scope of a row. */
export function scopeOfRow(row: ScopeRow): Scope {
  const { account_id: account, agent_id: agentId } = row;
  const channel = row.channel ?? "";
  const instance = row.instance ?? "";
  switch (row.kind) {
    case "conversation":
      return { kind: row.kind, account, agentId, channel, instance, contact: row.contact ?? "" };
    case "agent_binding":
      return { kind: row.kind, account, agentId, channel, instance };
    case "agent":
      return { kind: row.kind, account, agentId };
  }
}
