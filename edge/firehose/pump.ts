/**
 * Moves a client on: as far as its buffer takes, from memory or from the past.
 *
 * @module
 */
import { codeOf, ERROR_CODES, formatCursor, messageOf } from "../../core/contract/mod.ts";
import type { Log } from "../../core/flow/log.ts";
import { type Client, type Cut, CUTS, deliver, tell } from "./client.ts";
import { frameOf } from "./frames.ts";
import type { LoadPage, Page } from "./pages.ts";
import { type Load, loadNext, nextStep, type Stream } from "./stream.ts";
import type { Streams } from "./streams.ts";
import { createWaitingRoom, type WaitingRoom } from "./waiting.ts";

/** What a pump needs. */
export interface PumpDeps {
  readonly log: Log;
  readonly highBytes: number;
  readonly stallMs: number;
  readonly loadPage: LoadPage;
  readonly streams: () => Pick<Streams, "adoptEpoch" | "epoch">;
  /** Undefined for a client that left. */
  readonly streamOf: (client: Client) => Stream | undefined;
  readonly cut: (client: Client, why: Cut) => void;
}

/** Moves clients on. */
export interface Pump {
  readonly advance: (client: Client) => void;
  readonly waiting: WaitingRoom;
}

/** Builds a pump. */
export function createPump(deps: PumpDeps): Pump {
  const { log, highBytes, stallMs, loadPage, streams, streamOf, cut } = deps;
  const waiting = createWaitingRoom({
    lowBytes: highBytes / 4,
    stallMs,
    goOn: advance,
    cut: (client) => cut(client, CUTS.slow),
  });

  function advance(client: Client): void {
    const stream = streamOf(client);
    while (stream !== undefined && !client.isClosed && !client.isLoading) {
      if (client.outlet.bufferedBytes() > highBytes) return waiting.drain(client);
      const step = nextStep(stream, client);
      if (step.kind === "rest") return;
      if (step.kind === "load") return load(stream, client);
      client.at = step.batch.to;
      if (step.batch.messages !== null) deliver(client, step.batch.messages);
    }
  }

  function load(stream: Stream, client: Client): void {
    const started = loadNext(stream, client, loadPage);
    client.isLoading = true;
    started.page.then((page) => {
      client.isLoading = false;
      if (client.isClosed) return;
      client.failures = 0;
      take(stream, client, started, page);
      advance(client);
    }, (error: unknown) => {
      client.isLoading = false;
      if (!client.isClosed) failed(client, started, error);
    }).catch((error: unknown) => {
      log.error("firehose.client_failed", { error });
      cut(client, CUTS.failed);
    });
  }

  function take(stream: Stream, client: Client, { from, generation }: Load, page: Page): void {
    streams().adoptEpoch(page.epoch);
    // Whoever was sent elsewhere meanwhile asks again from there.
    if (client.at !== from) return;
    if (page.next < from) {
      // The stream is shorter than it was: an older copy of the database is in its place.
      const epoch = streams().epoch();
      tell(
        client,
        frameOf({
          type: "gap",
          from: formatCursor(epoch, from),
          to: formatCursor(epoch, page.next),
        }),
      );
      stream.ring.clear();
      stream.head = page.head;
    } else {
      stream.head = Math.max(stream.head, page.head);
      if (page.messages !== null) deliver(client, page.messages);
    }
    client.at = page.next;
    client.generation = generation;
    stream.knownGeneration = Math.max(stream.knownGeneration, generation);
  }

  function failed(client: Client, { owner }: Load, error: unknown): void {
    const code = codeOf(error);
    if (code === "token_invalid") {
      // Another one's token says nothing of this client; it asks again with its own.
      return owner === client ? cut(client, CUTS.refused) : advance(client);
    }
    client.failures += 1;
    log.warn("firehose.backfill_failed", { code, error: messageOf(error) });
    if (ERROR_CODES[code].retry) waiting.retry(client);
    else cut(client, CUTS.failed);
  }

  return { advance, waiting };
}
