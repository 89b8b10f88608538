/**
 * Pages of the past, asked of core with the client's own token.
 *
 * @module
 */
import type { Bus } from "../../core/bus/bus.ts";
import {
  BackfillHead,
  type BackfillRequest,
  decodeEventBatch,
  type EventFilter,
  formatCursor,
  subjects,
  type WireEvent,
} from "../../core/contract/mod.ts";
import { type Frame, frameAt, frameOf, type Messages, messagesOf } from "./frames.ts";
import { positionIn, type StreamScope } from "./scope.ts";

/** What came after a place. */
export interface Page {
  readonly epoch: string;
  /** The newest offset of the stream. */
  readonly head: number;
  /** Where whoever has the page stands. */
  readonly next: number;
  readonly messages: Messages | null;
}

/** Whose token asks, from where, and for what. */
export interface Asking {
  readonly bearer: { readonly token: string };
  readonly at: number;
  readonly filter: EventFilter | undefined;
}

/** @throws {CodedError} `token_invalid` when core does not accept the token, or what keeps core from answering */
export type LoadPage = (scope: StreamScope, asking: Asking) => Promise<Page>;

/** Where a stream ends. */
export type ReadHead = (token: string) => Promise<Pick<Page, "epoch" | "head">>;

/** The two questions core answers about events. */
export interface Past {
  readonly loadPage: LoadPage;
  readonly readHead: ReadHead;
}

const CORE_LIMIT_MS = 15_000;

/** Asks core over `bus`. */
export function createPast({ bus }: { bus: Pick<Bus, "request"> }): Past {
  async function ask(token: string, request: BackfillRequest) {
    const { data } = await bus.request(
      subjects.backfill,
      new TextEncoder().encode(JSON.stringify(request)),
      { headers: { authorization: `Bearer ${token}` }, timeoutMs: CORE_LIMIT_MS },
    );
    return decodeEventBatch(BackfillHead, data);
  }
  return {
    async loadPage(scope, { bearer, at, filter = {} }) {
      const { head: { epoch, head, next, gaps }, events } = await ask(bearer.token, {
        after: at,
        filter,
      });
      const frames = framesOf(scope, epoch, { gaps, events });
      return { epoch, head, next, messages: frames.length === 0 ? null : messagesOf(frames) };
    },
    async readHead(token) {
      const { head: { epoch, head } } = await ask(token, { after: null, filter: {} });
      return { epoch, head };
    },
  };
}

function framesOf(
  scope: StreamScope,
  epoch: string,
  { gaps, events }: { gaps: BackfillHead["gaps"]; events: readonly WireEvent[] },
): Frame[] {
  const frames: Frame[] = [];
  let gap = 0;
  const tellGapsBefore = (offset: number): void => {
    for (let one = gaps[gap]; one !== undefined && one[0] < offset; one = gaps[++gap]) {
      const [first, last] = one;
      frames.push(frameOf({
        type: "gap",
        from: formatCursor(epoch, first - 1),
        to: formatCursor(epoch, last),
      }));
    }
  };
  for (const event of events) {
    const offset = positionIn(scope, event);
    tellGapsBefore(offset);
    frames.push(frameAt(epoch, offset, event.body));
  }
  tellGapsBefore(Number.POSITIVE_INFINITY);
  return frames;
}
