/**
 * The web chat's routes.
 *
 * @module
 */
import type { Context, Hono } from "hono";
import type { Bus } from "../../core/bus/bus.ts";
import type { ChatInstance, Clock, EdgeConfig, Random } from "../../core/contract/mod.ts";
import type { Log } from "../../core/flow/log.ts";
import type { BodyRead, EdgeAdapter } from "../adapter.ts";
import type { EdgeAssets } from "../assets.ts";
import { problemResponse } from "../reply.ts";
import type { Client } from "../webhooks/client_ip.ts";
import { createAskChat } from "./core_desk.ts";
import { type ChatPlaces, createChatDoor } from "./door.ts";
import { createChatFiles } from "./files.ts";
import { createChatMessages } from "./messages.ts";
import { createChatPages } from "./pages.ts";
import { problemOf } from "./problem.ts";
import { createChatSockets } from "./sockets.ts";
import { type ChatTally, createChatTally } from "./tally.ts";

/** What the web chat needs. */
export interface ChatDeps {
  readonly bus: Pick<Bus, "request" | "subscribe" | "status">;
  readonly now: Clock;
  readonly random: Random;
  readonly uuid: () => string;
  readonly log: Log;
  readonly adapter: Pick<EdgeAdapter, "acceptSocket">;
  /** Signs visitors' cookies; the same on every edge. */
  readonly visitorSecret: string;
  /** Whether the bearer of a request is an operator. */
  readonly authorize: (request: Request) => Promise<boolean>;
  /** The page's files; undefined where they were not built. */
  readonly assets: EdgeAssets["chat"] | undefined;
}

/** What the routes see of a request. */
export interface ChatRouteDeps {
  readonly clientOf: (c: Context) => Client;
  readonly readBodyOf: (c: Context) => (capBytes: number) => Promise<BodyRead>;
}

/** The web chat of one edge. */
export interface Chat {
  readonly mount: (app: Hono, deps: ChatRouteDeps) => void;
  /** Puts in force which chats there are; without it none is shown on a page. */
  readonly apply: (config: EdgeConfig["chat"]) => void;
  readonly tally: ChatTally;
  /** Conversations open on WebSockets. */
  readonly open: () => number;
  /** Ends every connection. */
  readonly close: () => void;
}

/** Builds the web chat. */
export function createChat(deps: ChatDeps): Chat {
  const { uuid, log } = deps;
  let instances: ReadonlyMap<string, ChatInstance> | undefined;
  let publicOrigin: string | null = null;
  const places: ChatPlaces = {
    of: (name) => instances?.get(name),
    publicOrigin: () => publicOrigin,
  };
  const ask = createAskChat(deps.bus);
  const door = createChatDoor({ ...deps, places });
  const tally = createChatTally();
  const inside = { ...deps, ask, door, tally };
  const messages = createChatMessages(inside);
  const files = createChatFiles({ ...inside, places });
  const sockets = createChatSockets(inside);
  const pages = createChatPages({ ...inside, places, isConfigured: () => instances !== undefined });

  async function answered(work: () => Response | Promise<Response>): Promise<Response> {
    try {
      return await work();
    } catch (error) {
      const requestId = uuid();
      const problem = problemOf(error, requestId, log);
      return problemResponse(problem, requestId);
    }
  }
  const named = (c: Context, name = "instance"): string => c.req.param(name) ?? "";

  return {
    tally,
    open: sockets.count,
    close: sockets.close,
    apply(config) {
      instances = new Map(config?.instances.map((one) => [one.instance, one]));
      publicOrigin = config?.public_origin ?? null;
    },
    mount(app, { clientOf, readBodyOf }) {
      const callOf = (c: Context) => ({
        instance: named(c),
        request: c.req.raw,
        client: clientOf(c),
        readBody: readBodyOf(c),
      });
      app.post("/chat/:instance/messages", (c) => messages.say(callOf(c)));
      app.get("/chat/:instance/messages", (c) => messages.read(callOf(c)));
      app.post("/chat/:instance/files", (c) => answered(() => files.upload(callOf(c))));
      app.get(
        "/chat/:instance/files/:file",
        (c) => answered(() => files.download(callOf(c), named(c, "file"))),
      );
      app.get("/chat/:instance/ws", (c) => sockets.answer(c, named(c), clientOf(c)));
      app.get("/chat/:instance", (c) => answered(() => pages.page(named(c), c.req.raw)));
      app.get(
        "/chat/:instance/widget.js",
        (c) => answered(() => pages.widget(named(c), c.req.raw)),
      );
      app.get("/chat/:instance/embed", (c) => answered(() => pages.embed(named(c), c.req.raw)));
      app.get(
        "/chat/:instance/assets/:name",
        (c) => answered(() => pages.asset(named(c), named(c, "name"), c.req.raw)),
      );
    },
  };
}
