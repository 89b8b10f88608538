/**
 * The WebSockets of conversations: who may open one, and how many.
 *
 * @module
 */
import type { Context } from "hono";
import type { Bus } from "../../core/bus/bus.ts";
import type { Clock } from "../../core/contract/mod.ts";
import type { Log } from "../../core/flow/log.ts";
import type { EdgeAdapter } from "../adapter.ts";
import { problemResponse } from "../reply.ts";
import type { SocketEvents } from "../sockets.ts";
import type { Client } from "../webhooks/client_ip.ts";
import { type Conversation, openConversation } from "./conversation.ts";
import type { AskChat } from "./core_desk.ts";
import type { ChatDoor } from "./door.ts";
import { CHAT_CLOSE } from "./frames.ts";
import { contactOfVisitor } from "./messages.ts";
import { createChatReaders } from "./news.ts";
import { ChatProblem, problemOf } from "./problem.ts";
import type { ChatTally } from "./tally.ts";

/** What the WebSockets need. */
export interface ChatSocketDeps {
  readonly bus: Pick<Bus, "subscribe" | "status">;
  readonly ask: AskChat;
  readonly door: ChatDoor;
  readonly adapter: Pick<EdgeAdapter, "acceptSocket">;
  readonly tally: ChatTally;
  readonly now: Clock;
  readonly uuid: () => string;
  readonly log: Log;
}

/** The WebSockets of one edge. */
export interface ChatSockets {
  /** Answers `GET /chat/<instance>/ws`. Never rejects. */
  readonly answer: (c: Context, instance: string, client: Client) => Promise<Response>;
  readonly count: () => number;
  readonly close: () => void;
}

/** Open at once: tabs of a visitor, people behind an address, all of an edge. */
const MOST = { visitor: 8, address: 200, edge: 20_000 };
/** Bytes of one message from a page: 8000 characters of four bytes, escaped. */
const MAX_FRAME_BYTES = 64 * 1024;

/** Builds the WebSockets; nothing is open. */
export function createChatSockets(deps: ChatSocketDeps): ChatSockets {
  const { door, adapter, tally, uuid, log } = deps;
  const readers = createChatReaders(deps);
  const open = new Map<object, () => void>();
  const seats = new Map<string, number>();

  function takeSeat(key: string, most: number): void {
    const taken = seats.get(key) ?? 0;
    if (taken >= most) throw new ChatProblem(429, "chat_full", "Too many are open", 30);
    seats.set(key, taken + 1);
  }
  function freeSeat(key: string): void {
    const left = (seats.get(key) ?? 1) - 1;
    if (left === 0) seats.delete(key);
    else seats.set(key, left);
  }
  function takeSeats(keys: readonly (readonly [key: string, most: number])[]): () => void {
    const taken: string[] = [];
    const free = (): void => taken.splice(0).forEach(freeSeat);
    try {
      for (const [key, most] of keys) {
        takeSeat(key, most);
        taken.push(key);
      }
    } catch (error) {
      free();
      throw error;
    }
    return free;
  }

  /** Everything that can refuse a page happens before its connection is accepted, but what it must be told. */
  async function admit(request: Request, instance: string, client: Client): Promise<SocketEvents> {
    door.assertInstance(instance);
    door.assertOwnPage(request);
    door.takeAddress("connect", client);
    const visitor = await door.recognise(instance, request);
    // A page cannot read why a handshake was refused, and this it can mend.
    if (visitor === undefined) {
      tally.refused("no_visitor");
      return {
        onOpen: (socket) => socket.close(CHAT_CLOSE.noVisitor, "no visitor"),
        onClose: () => undefined,
      };
    }
    door.takeVisitor("connect", instance, visitor);
    const leave = takeSeats([
      [`visitor ${instance}/${visitor}`, MOST.visitor],
      [`address ${client.key}`, MOST.address],
      ["edge", MOST.edge],
    ]);
    const after = new URL(request.url).searchParams.get("after")?.slice(0, 64);
    return eventsOf({ instance, contact: contactOfVisitor(visitor), after }, {
      leave,
      admit() {
        door.takeAddress("say", client);
        door.takeVisitor("say", instance, visitor);
      },
    });
  }

  function eventsOf(
    place: Parameters<typeof openConversation>[1],
    { leave, admit: admitSaid }: { leave: () => void; admit: () => void },
  ): SocketEvents {
    let conversation: Conversation | undefined;
    const seat = {};
    return {
      onOpen(socket) {
        conversation = openConversation(socket, place, {
          ...deps,
          readers,
          admit: admitSaid,
          onSaid: tally.said,
        });
        open.set(seat, () => socket.close(1001, "the edge closes"));
      },
      onMessage: (data) => conversation?.receive(data),
      onClose() {
        open.delete(seat);
        leave();
        conversation?.end();
      },
    };
  }

  return {
    async answer(c, instance, client) {
      const requestId = uuid();
      try {
        const events = await admit(c.req.raw, instance, client);
        const response = adapter.acceptSocket?.(c.req.raw, c.env, events, {
          maxMessageBytes: MAX_FRAME_BYTES,
        });
        if (response !== undefined) return response;
        events.onClose(1006, "");
        const headers = { upgrade: "websocket", connection: "upgrade" };
        const problem = { status: 426, code: "upgrade_required", message: "This is a WebSocket" };
        return problemResponse({ ...problem, headers }, requestId);
      } catch (error) {
        const problem = problemOf(error, requestId, log);
        tally.refused(problem.code);
        return problemResponse(problem, requestId);
      }
    },
    count: () => open.size,
    close() {
      for (const shut of open.values()) shut();
      readers[Symbol.dispose]();
    },
  };
}
