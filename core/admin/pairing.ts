/**
 * `nexo/admin/pairing/*`.
 *
 * @module
 */
import { PAIRING_METHODS } from "../contract/admin/pairing.ts";
import { bindingId, CodedError, RPC_CODES, RpcFault } from "../contract/mod.ts";
import { answererOf } from "../channels/answerer.ts";
import type { Challenge, Challenges, TenantLine } from "../pairing/challenges.ts";
import type { Pairing } from "../pairing/pairing.ts";
import type { People } from "../pairing/people.ts";
import type { Settings } from "../settings/settings.ts";
import type { Store } from "../store/store.ts";
import { type AdminMethod, type Call, methodsOf, notGranted, onlyTenant, sees } from "./method.ts";

const DEFAULT_INSTANCE = "default";

/** What the pairing methods need. */
export interface PairingMethodDeps {
  readonly settings: () => Settings;
  readonly store: Store;
  readonly challenges: Challenges;
  readonly people: People;
  readonly pairing: Pairing;
}

/** Returns the methods on pairing. */
export function pairingMethods(deps: PairingMethodDeps): AdminMethod[] {
  const { settings, challenges, people, pairing } = deps;

  const find = async (id: string, call: Call): Promise<Challenge | undefined> => {
    const challenge = await challenges.findForOperator(id);
    return challenge !== undefined && sees(call, challenge.account_id) ? challenge : undefined;
  };

  const ownerOf = ({ channel, instance }: GivenLine): string =>
    answererOf(settings(), channel, instanceFor(instance)).account;
  const ownerOfChallenge = async ({ challenge_id: id }: { challenge_id: string }) =>
    (await challenges.findForOperator(id))?.account_id;

  /** A line of a tenant the call may see; whose it is says who answers there. */
  function lineFor(given: GivenLine & { tenant_id?: string | undefined }, call: Call): TenantLine {
    const account_id = given.tenant_id ?? onlyTenant(call) ?? ownerOf(given);
    if (!sees(call, account_id)) throw notGranted(call);
    return { account_id, channel: given.channel, instance: instanceFor(given.instance) };
  }

  return methodsOf(PAIRING_METHODS, {
    async "nexo/admin/pairing/start"({ agent_id, channel, instance: given }, call) {
      const instance = instanceFor(given);
      const { account, agentId } = answererOf(settings(), channel, instance);
      if (!sees(call, account)) throw notGranted(call);
      if (agentId !== agent_id) {
        throw invalid(`agent \`${agent_id}\` does not answer on ${bindingId(channel, instance)}`);
      }
      return pairing.start({ account_id: account, agent_id, channel, instance });
    },

    async "nexo/admin/pairing/status"({ challenge_id }, call) {
      const challenge = await find(challenge_id, call);
      if (challenge === undefined) {
        throw new CodedError("not_found", `challenge \`${challenge_id}\` unknown`);
      }
      return pairing.status(challenge);
    },

    async "nexo/admin/pairing/cancel"({ challenge_id }, call) {
      const challenge = await find(challenge_id, call);
      return { cancelled: challenge !== undefined && await pairing.cancel(challenge) };
    },

    async "nexo/admin/pairing/approve"(params, call) {
      const senderId = await pairing.approve(
        lineFor(params, call),
        params.code.trim().toUpperCase(),
      );
      return senderId === undefined ? { approved: false } : { approved: true, sender_id: senderId };
    },

    async "nexo/admin/pairing/list"({ channel, instance, tenant_id, limit }, call) {
      const accounts = accountsFor(tenant_id, settings(), call);
      const found = await Promise.all(accounts.map((account) =>
        people.list(account, {
          channel: channel ?? undefined,
          instance: instance ?? undefined,
          limit,
        })
      ));
      return { people: found.flat().slice(0, limit) };
    },

    async "nexo/admin/pairing/revoke"(params, call) {
      const line = lineFor(params, call);
      if (!await people.knows(line, params.sender_id)) return { revoked: false };
      await deps.store.commit(people.rowsForRevoked(line, params.sender_id));
      return { revoked: true };
    },
  }, {
    "nexo/admin/pairing/start": ownerOf,
    "nexo/admin/pairing/status": ownerOfChallenge,
    "nexo/admin/pairing/cancel": ownerOfChallenge,
    "nexo/admin/pairing/approve": ownerOf,
    "nexo/admin/pairing/revoke": ownerOf,
  });
}

/** A line as it is named on the wire. */
interface GivenLine {
  readonly channel: string;
  readonly instance?: string | null | undefined;
}

function instanceFor(given: string | null | undefined): string {
  return given == null || given === "" ? DEFAULT_INSTANCE : given;
}

function accountsFor(named: string | undefined, { tenants }: Settings, call: Call): string[] {
  return (named === undefined ? [...tenants.keys()] : [named]).filter((id) => sees(call, id));
}

function invalid(text: string): RpcFault {
  return new RpcFault(RPC_CODES.invalid_params, `invalid_params: ${text}`);
}
