/**
 * Data of a page: asked for, kept up to date by live events, and kept on the screen when asking fails.
 *
 * @module
 */
import { useEffect, useRef, useState } from "hono/jsx/dom";
import type { AgentEventKind } from "../../../core/contract/mod.ts";
import { ApiError } from "./api.ts";
import { useServices } from "./services.ts";

/** What is known of an answer. */
export interface Query<T> {
  /** The newest answer; it stays when a later question fails. */
  readonly data: T | undefined;
  readonly error: ApiError | undefined;
  readonly isLoading: boolean;
  readonly refresh: () => void;
}

/** What to ask for, and what makes the answer old. */
export interface Question<T> {
  /** Another key is another question. */
  readonly key: string;
  readonly ask: (signal: AbortSignal) => Promise<T>;
  /** Kinds of events after which it is asked again. */
  readonly changedBy?: readonly AgentEventKind[];
}

/** Events come in swarms; the question waits for their end, but not for ever. */
const SETTLE_MS = 250;
const AGAIN_MS = 2_000;

/** Asks when the component appears, when the key changes, after events, and again after failures. */
export function useQuery<T>({ key, ask, changedBy = [] }: Question<T>): Query<T> {
  const { live, session } = useServices();
  const [answer, setAnswer] = useState<{ key: string; data?: T; error?: ApiError }>({ key });
  const [isLoading, setLoading] = useState(true);
  const [round, setRound] = useState(0);
  // The newest closure, so that an old round never asks an old question.
  const asking = useRef(ask);
  asking.current = ask;

  useEffect(() => {
    const stop = new AbortController();
    let again: ReturnType<typeof setTimeout> | undefined;
    setLoading(true);
    (asking.current ?? ask)(stop.signal).then((data) => {
      if (stop.signal.aborted) return;
      setAnswer({ key, data });
      setLoading(false);
    }, (error: unknown) => {
      if (stop.signal.aborted) return;
      const failure = error instanceof ApiError
        ? error
        : new ApiError("refused", "internal", String(error));
      setAnswer((known) => ({ ...(known.key === key ? known : { key }), error: failure }));
      setLoading(false);
      if (failure.kind === "unreachable") {
        again = setTimeout(() => setRound((count) => count + 1), AGAIN_MS);
      }
    });
    return () => {
      stop.abort();
      clearTimeout(again);
    };
  }, [key, round]);

  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const askSoon = (): void => {
      timer ??= setTimeout(() => {
        timer = undefined;
        setRound((count) => count + 1);
      }, SETTLE_MS);
    };
    const stopEvents = live.listen((event) => {
      if (event === undefined || changedBy.includes(event.kind)) askSoon();
    });
    const stopSession = session.state.subscribe(() => {
      if (session.state.get().kind === "in") askSoon();
    });
    return () => {
      clearTimeout(timer);
      stopEvents();
      stopSession();
    };
  }, [key]);

  const known = answer.key === key ? answer : undefined;
  return {
    data: known?.data,
    error: known?.error,
    isLoading,
    refresh: () => setRound((count) => count + 1),
  };
}
