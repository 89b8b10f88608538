/**
 * Pairing as the daemon runs it: its rows, its door before each turn, its clock.
 *
 * @module
 */
import { findBinding } from "../agents/policy.ts";
import type { TurnDeps } from "../agents/turn_types.ts";
import type { Channels } from "../channels/ingress.ts";
import {
  bindingId,
  type Clock,
  messageOf,
  type PairingStatus,
  type Random,
} from "../contract/mod.ts";
import type { Log } from "../flow/log.ts";
import { type Challenges, createChallenges, type TenantLine } from "../pairing/challenges.ts";
import { createGate, type DmPolicy } from "../pairing/gate.ts";
import { createPairing, type Invitation, type Pairing } from "../pairing/pairing.ts";
import { createPeople, type People } from "../pairing/people.ts";
import type { Settings } from "../settings/settings.ts";
import type { Store } from "../store/store.ts";
import type { Vault } from "../vault/vault.ts";
import type { Parts } from "./parts.ts";

/** How often challenges are looked through for those whose time is over, in milliseconds. */
const SWEEP_MS = 2_000;

/** What pairing stands on. */
export interface PairingPartsDeps extends Pick<Parts, "rows" | "uuid"> {
  readonly store: Store;
  readonly vault: Vault;
  readonly settings: () => Settings;
  readonly channels: () => Channels;
  readonly notify: (account: string, status: PairingStatus) => void;
  readonly random: Random;
  readonly now: Clock;
  readonly log: Log;
}

/** The running parts. */
export interface PairingParts extends Disposable {
  readonly challenges: Challenges;
  readonly people: People;
  readonly pairing: Pairing;
  readonly admit: TurnDeps["admit"];
}

/** Starts pairing. */
export function openPairing(deps: PairingPartsDeps): PairingParts {
  const { store, vault, settings, now, log } = deps;
  const challenges = createChallenges({
    store,
    sealer: vault,
    mac: (code) => vault.mac("pairing", code),
  });
  const people = createPeople({ store });
  const pairing = createPairing({
    ...deps,
    challenges,
    people,
    eventRows: deps.rows.events,
    invite: (line, parameter) => inviteTo(line, parameter, deps),
  });
  const gate = createGate({
    pairing,
    people,
    policyFor: (line) => dmPolicyOf(settings(), line),
    now,
  });
  const timer = setInterval(() => {
    pairing.sweep().catch((error: unknown) =>
      log.warn("pairing.sweep", { error: messageOf(error) })
    );
  }, SWEEP_MS).unref();

  return {
    challenges,
    people,
    pairing,
    admit: async (inbounds, turnId, settle) => {
      const [first] = inbounds;
      if (first.trigger !== "channel") return { kind: "admit" };
      return gate({
        line: first.key,
        senderId: first.sender_id,
        chat: first.chat,
        text: inbounds.map(({ text }) => text).join("\n"),
        turnId,
        settle,
      });
    },
    [Symbol.dispose]: () => clearInterval(timer),
  };
}

function dmPolicyOf(
  settings: Settings,
  { agent_id, channel, instance }: TenantLine & { agent_id: string },
): DmPolicy {
  const agent = settings.agents.get(agent_id);
  const binding = agent && findBinding(agent, channel, instance);
  const named = (one: typeof agent | typeof binding): DmPolicy["policy"] | undefined =>
    one?.dm_policy ?? (one?.pairing_policy?.auto_challenge === true ? "pairing" : undefined);
  return {
    policy: named(binding) ?? named(agent) ?? "open",
    allowFrom: binding?.allow_from ?? agent?.allow_from ?? [],
  };
}

/** How a person reaches a line; a channel that knows no link is told the code by hand. */
async function inviteTo(
  { channel, instance }: TenantLine,
  parameter: string,
  { channels, log }: Pick<PairingPartsDeps, "channels" | "log">,
): Promise<Invitation> {
  const name = bindingId(channel, instance);
  const link = await channels().get(channel)?.linkTo?.(instance, parameter)
    .catch((error: unknown) => {
      log.warn("pairing.no_link", { line: name, error: messageOf(error) });
      return undefined;
    });
  return link === undefined
    ? { link, instructions: `Send the message ${parameter} to ${name} from the account to pair.` }
    : { link, instructions: `Scan the code or open the link, and send the message it brings.` };
}
