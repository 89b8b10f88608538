/**
 * Who comes to a web chat: from which page, as which visitor, and how often.
 *
 * @module
 */
import { type ChatInstance, type Clock, type Random, Slug } from "../../core/contract/mod.ts";
import { isSameOrigin } from "../firehose/access.ts";
import type { Client } from "../webhooks/client_ip.ts";
import { createRateGate } from "../webhooks/rate.ts";
import { ChatProblem } from "./problem.ts";
import { createVisitors, type Visitors } from "./visitor.ts";

/** What a visitor does, each with limits of its own. */
export type ChatAct = "say" | "read" | "connect" | "file";

/** What is known of the web chats. */
export interface ChatPlaces {
  /** Undefined for one that is not there, and for all before core has said which there are. */
  readonly of: (instance: string) => ChatInstance | undefined;
  /** The origin our pages have outside, where somebody said so. */
  readonly publicOrigin: () => string | null;
}

/** What {@linkcode createChatDoor} needs. */
export interface ChatDoorDeps {
  readonly places: ChatPlaces;
  readonly now: Clock;
  readonly random: Random;
  /** Signs visitors' cookies; the same on every edge. */
  readonly visitorSecret: string;
}

/** The door before every conversation. */
export interface ChatDoor {
  /** @throws {ChatProblem} 404 for what cannot be an instance */
  readonly assertInstance: (instance: string) => void;
  /** @throws {ChatProblem} 403 when another page than ours made the request */
  readonly assertOwnPage: (request: Request) => void;
  /** @throws {ChatProblem} 429 */
  readonly takeAddress: (act: ChatAct, client: Client) => void;
  /** @throws {ChatProblem} 429 */
  readonly takeVisitor: (act: ChatAct, instance: string, visitor: string) => void;
  /** The visitor of a request's cookie. */
  readonly recognise: (instance: string, request: Request) => Promise<string | undefined>;
  /** Makes a new visitor. */
  readonly welcome: (instance: string, request: Request) => ReturnType<Visitors["welcome"]>;
}

/** Requests per second and at once: what a person types, and what a household or office does. */
const LIMITS = {
  say: { visitor: { rps: 1, burst: 10 }, address: { rps: 5, burst: 50 } },
  read: { visitor: { rps: 5, burst: 50 }, address: { rps: 50, burst: 500 } },
  connect: { visitor: { rps: 0.5, burst: 20 }, address: { rps: 5, burst: 100 } },
  file: { visitor: { rps: 0.2, burst: 10 }, address: { rps: 2, burst: 50 } },
} as const;

/** Builds the door. */
export function createChatDoor({ places, now, random, visitorSecret }: ChatDoorDeps): ChatDoor {
  const visitors = createVisitors({ secret: visitorSecret, random });
  const gatesOf = (who: "visitor" | "address") => ({
    say: createRateGate(LIMITS.say[who]),
    read: createRateGate(LIMITS.read[who]),
    connect: createRateGate(LIMITS.connect[who]),
    file: createRateGate(LIMITS.file[who]),
  });
  const byVisitor = gatesOf("visitor");
  const byAddress = gatesOf("address");

  function take(gate: ReturnType<typeof createRateGate>, key: string): void {
    const waitSecs = gate.takeClient(key, now());
    if (waitSecs > 0) throw new ChatProblem(429, "rate_limited", "Too many requests", waitSecs);
  }

  return {
    assertInstance(instance) {
      if (!Slug.safeParse(instance).success) {
        throw new ChatProblem(404, "not_found", "No such chat");
      }
    },
    assertOwnPage(request) {
      const origin = request.headers.get("origin");
      if (isSameOrigin(request) || (origin !== null && origin === places.publicOrigin())) return;
      const message = "Only the chat's own page may do this";
      throw new ChatProblem(403, "origin_refused", message);
    },
    takeAddress: (act, client) => take(byAddress[act], client.key),
    takeVisitor: (act, instance, visitor) => take(byVisitor[act], `${instance}/${visitor}`),
    recognise: (instance, request) => visitors.recognise(instance, request.headers.get("cookie")),
    welcome(instance, request) {
      const isEmbedded = (places.of(instance)?.allowed_origins.length ?? 0) > 0;
      return visitors.welcome(instance, { isHttps: isHttps(request), isEmbedded });
    },
  };
}

function isHttps(request: Request): boolean {
  return request.url.startsWith("https:") || request.headers.get("x-forwarded-proto") === "https";
}
