/**
 * What pages are made with: answers that stay fresh, and acts that say how they went.
 *
 * @module
 */
import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError, ask } from "./api.ts";
import { live } from "./live.ts";

/** An answer as far as it is known. */
export interface Answer<T> {
  /** The newest; it stays when a later question fails. */
  readonly data: T | undefined;
  /** Why the last question failed, unless the server is only away: then it is asked again. */
  readonly error: string | undefined;
  /** Whether whoever asks is not signed in. */
  readonly isSignedOut: boolean;
  readonly refresh: () => void;
}

const AGAIN_MS = 1_000;

interface AnswerState<T> {
  readonly path: string;
  readonly data?: T;
  readonly error?: string | undefined;
  readonly isSignedOut?: boolean;
}

/** When an answer is old: after whatever happened but who came and went, or after that alone. */
type Freshness = "any" | "presence" | "still";

/**
 * Asks for `path`, again while the server is away and, unless it stands still, after what happened.
 */
export function useAnswer<T>(path: string, after: Freshness = "any"): Answer<T> {
  const [state, setState] = useState<AnswerState<T>>({ path });
  const load = useRef<() => void>(() => {});

  useEffect(() => {
    let stop = new AbortController();
    let again: ReturnType<typeof setTimeout> | undefined;
    function loadNow(): void {
      stop.abort();
      clearTimeout(again);
      stop = new AbortController();
      const { signal } = stop;
      ask<T>(path, { signal }).then(
        (data) => setState({ path, data }),
        (error: unknown) => {
          if (signal.aborted) return;
          const status = error instanceof ApiError ? error.status : undefined;
          setState((known) => ({
            ...(known.path === path ? known : { path }),
            error: status === 0 ? undefined : sayOf(error),
            isSignedOut: status === 401,
          }));
          if (status === 0) again = setTimeout(loadNow, AGAIN_MS);
        },
      );
    }
    load.current = loadNow;
    loadNow();
    const silence = after === "still" ? () => {} : live.listen((kinds) => {
      const isOld = kinds === undefined ||
        (after === "presence"
          ? kinds.has("presence")
          : [...kinds].some((kind) => kind !== "presence"));
      if (isOld) loadNow();
    });
    return () => {
      stop.abort();
      clearTimeout(again);
      silence();
    };
  }, [path]);

  const known = state.path === path ? state : undefined;
  return {
    data: known?.data,
    error: known?.error,
    isSignedOut: known?.isSignedOut === true,
    refresh() {
      // Whoever asks again sees that it is on its way.
      setState((shown) => ({ ...shown, error: undefined }));
      load.current?.();
    },
  };
}

/** Something a person does: while it runs its button waits, and when it fails the page says why. */
export function useAct(): {
  readonly isBusy: boolean;
  readonly error: string | undefined;
  readonly act: (work: () => Promise<unknown>) => Promise<boolean>;
} {
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<string | undefined>(undefined);
  const running = useRef(false);
  return {
    isBusy,
    error,
    async act(work) {
      if (running.current) return false;
      running.current = true;
      setBusy(true);
      setError(undefined);
      try {
        await work();
        return true;
      } catch (failure) {
        setError(sayOf(failure));
        return false;
      } finally {
        running.current = false;
        setBusy(false);
      }
    },
  };
}

/** What a form is sent to: its fields, and itself to be emptied once that is done. */
export function onFields(
  work: (fields: Record<string, string>) => Promise<boolean>,
  { keeps = false } = {},
): (event: Event) => void {
  return function submitted(event) {
    const form = event.target as HTMLFormElement;
    void work(fieldsOf(event)).then((done) => {
      if (done && !keeps) form.reset();
    });
  };
}

/** For the field a new form begins at, when somebody asked for the form. */
export function useFocus<T extends HTMLElement>(isWanted: boolean) {
  const field = useRef<T>(null);
  useEffect(() => {
    if (isWanted) field.current?.focus();
  }, []);
  return field;
}

/** The address after `#`, in parts. */
export function usePlace(): readonly string[] {
  const read = (): string => location.hash.replace(/^#\/?/, "");
  const [place, setPlace] = useState(read());
  useEffect(() => {
    const changed = (): void => setPlace(read());
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  }, []);
  return place === "" ? [] : place.split("/").map(decodeURIComponent);
}

/** The fields of a form that was sent, without blanks around them. */
function fieldsOf(event: Event): Record<string, string> {
  event.preventDefault();
  const form = event.target as HTMLFormElement;
  const fields: Record<string, string> = {};
  for (const [name, value] of new FormData(form)) {
    if (typeof value === "string") fields[name] = value.trim();
  }
  return fields;
}

function sayOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
