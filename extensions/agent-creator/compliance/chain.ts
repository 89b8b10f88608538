/**
 * What happens to a message before the model sees it, in this order: opt-out, consent, loops,
 * manipulation, personal data. The first that stops it has the last word.
 *
 * @module
 */
import { allow, block, type HookAnswer, transform } from "nexo-microapps/sdk";
import type { Consents, Contact } from "../store/consents.ts";
import type { createLoopDetector } from "./anti_loop.ts";
import { manipulationIn } from "./anti_manipulation.ts";
import { optRequestIn } from "./opt_out.ts";
import { withoutPii } from "./pii.ts";
import type { ComplianceSettings } from "./settings.ts";

/** A message under examination. */
export interface Examined {
  readonly who: Contact;
  /** Apart for each tenant, agent and contact. */
  readonly conversation: string;
  readonly text: string;
}

/** What the chain works with. */
export interface ChainDeps {
  readonly consents: Consents;
  readonly detectLoop: ReturnType<typeof createLoopDetector>;
  /** Says the last word to somebody who opted out. */
  readonly farewell: (who: Contact, text: string) => Promise<void>;
  /** Hears of people who are gone, or wrote: drips stop for them. */
  readonly onHeard: (who: Contact, optedOut: boolean) => Promise<void>;
}

/** Examines one message. */
export async function examine(
  { who, conversation, text }: Examined,
  settings: ComplianceSettings,
  { consents, detectLoop, farewell, onHeard }: ChainDeps,
): Promise<HookAnswer> {
  const request = settings.opt_out.enabled ? optRequestIn(text) : null;
  if (request === "out") {
    const isNews = await consents.statusOf(who) !== "opted_out";
    await consents.record(who, "opted_out", "message");
    await onHeard(who, true);
    if (isNews) await farewell(who, settings.opt_out.reply);
    return block("opted out");
  }
  if (request === "in") await consents.record(who, "opted_in", "message");
  await onHeard(who, false);

  const status = await consents.statusOf(who);
  if (settings.opt_out.enabled && status === "opted_out") return block("opted out earlier");
  if (settings.consent.required && status !== "opted_in") return block("has not opted in");

  if (settings.anti_loop.enabled) {
    const { repeats, window_secs: secs } = settings.anti_loop;
    const loop = detectLoop(conversation, text, { repeats, windowMs: secs * 1_000 });
    if (loop !== null) return block(`loop: ${loop}`);
  }
  if (settings.anti_manipulation.enabled) {
    const reason = manipulationIn(text);
    if (reason !== null) return block(`manipulation: ${reason}`);
  }
  if (!settings.pii.enabled) return allow();
  const clean = withoutPii(text, settings.pii);
  return clean === text ? allow() : transform(clean);
}
