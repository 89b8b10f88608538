/**
 * The way to a model: which provider, within which budgets, and who answers when it cannot.
 *
 * @module
 */
import { type Clock, messageOf, OFFLINE_PROVIDER } from "../contract/mod.ts";
import { rowsForEvents } from "../events/event_rows.ts";
import { BREAKER_LIMITS, type Breakers, createBreakers } from "../flow/breaker.ts";
import type { Log } from "../flow/log.ts";
import { inSpan, isTracing } from "../flow/trace.ts";
import type { Settings } from "../settings/settings.ts";
import type { Store } from "../store/store.ts";
import { createBudgets } from "./budget/budgets.ts";
import { createTill, type Till } from "./budget/till.ts";
import { readSpent } from "./budget/usage.ts";
import { createLimiter, type Limiter } from "./limiter.ts";
import type {
  Asked,
  AskModel,
  ModelCaller,
  ModelProgress,
  ModelRef,
  ModelRequest,
} from "./model.ts";
import { ModelError, othersMayAnswer } from "./model_error.ts";
import { offlineModel } from "./offline.ts";
import { configOf, findProvider, type Provider } from "./provider.ts";
import { withRetries } from "./retry.ts";
import { type Answered, askOnce } from "./wire/adapter.ts";

/** The longest answer of the offline model, in tokens. */
const OFFLINE_OUTPUT_TOKENS = 4_096;

/** What asking needs. */
export interface ModelsDeps {
  readonly store: Store;
  readonly settings: () => Settings;
  /** A key by the name in `api_key_env`; looked up for each call, so that it may change. */
  readonly secretOf: (name: string) => string | undefined;
  readonly uuid: () => string;
  readonly now: Clock;
  /** From 0 to below 1, for the pauses between tries. */
  readonly jitter: () => number;
  readonly log: Log;
}

type Question = Omit<ModelRequest, "model">;

/** One way to the answer: the model that was chosen, or a fallback. */
interface Route {
  readonly caller: ModelCaller;
  readonly ref: ModelRef;
  readonly request: Question;
}

interface Desk extends ModelsDeps {
  readonly till: Till;
  readonly breakers: Breakers;
  readonly limiterOf: (provider: Provider) => Limiter;
}

/**
 * Returns the one way to ask a model. Providers are found for each call, so that keys, prices,
 * budgets and fallbacks may change meanwhile; limits and rest after faults are shared by all who use
 * the same provider.
 */
export function createModels(deps: ModelsDeps): AskModel {
  const { store, settings, now, log } = deps;
  const budgets = createBudgets({
    budgetsOf: (account) => settings().tenants.get(account)?.budgets,
    readSpent: (account, sinceDay) => readSpent(store, account, sinceDay),
    onRefused(account, event) {
      store.commit(rowsForEvents({ account, events: [event] })).catch((error: unknown) =>
        log.warn("budget.unannounced", { account, error: messageOf(error) })
      );
    },
    now,
  });
  const limiters = new Map<string, Limiter>();
  const desk: Desk = {
    ...deps,
    till: createTill({ ...deps, budgets }),
    breakers: createBreakers({ now, limits: BREAKER_LIMITS }),
    // One for each provider in llm.yaml that was ever used: as many as an operator writes.
    limiterOf({ endpoint: { name: provider }, account }) {
      const key = JSON.stringify([account, provider]);
      const limiter = limiters.get(key) ?? createLimiter({ now, provider });
      limiters.set(key, limiter);
      return limiter;
    },
  };

  return async function ask(caller, chosen, request) {
    const downgraded = budgets.downgraded(caller);
    const other = downgraded instanceof Promise ? await downgraded : downgraded;
    const ref = other === undefined ? chosen : { provider: other.provider, model: other.model };
    const fallbacks = configOf(settings(), ref.provider, caller.account)?.config.fallbacks ?? [];
    const progress = openProgress(request.onProgress);
    const asked = request.onProgress === undefined
      ? request
      : { ...request, onProgress: progress.tell };
    let failed: unknown;
    for (const next of [ref, ...fallbacks]) {
      try {
        return await askRoute(desk, { caller, ref: next, request: asked }, progress.restart);
      } catch (error) {
        failed ??= error;
        if (!othersMayAnswer(error)) throw next === ref ? error : failed;
        log.warn("model.failed", {
          account: caller.account,
          provider: next.provider,
          model: next.model,
          code: (error as ModelError).code,
          error: messageOf(error),
        });
        progress.restart();
      }
    }
    throw failed;
  };
}

/** Tells of an answer as it grows, and that it starts again only when some of it was told. */
function openProgress(onProgress: ModelRequest["onProgress"]) {
  let told = false;
  const tell = (progress: ModelProgress): void => {
    told = progress.kind === "text";
    onProgress?.(progress);
  };
  const restart = (): void => {
    if (told) tell({ kind: "restarted" });
  };
  return { tell, restart };
}

function askRoute(desk: Desk, route: Route, restart: () => void): Promise<Asked> {
  const { caller, ref, request } = route;
  const settings = desk.settings();
  if (
    ref.provider === OFFLINE_PROVIDER &&
    configOf(settings, OFFLINE_PROVIDER, caller.account) === undefined
  ) return traced(ref, () => askOffline(desk, route));

  return withRetries(() => traced(ref, () => askProvider(desk, route)), {
    retry: settings.llm.retry,
    signal: request.signal,
    jitter: desk.jitter,
    onRetry(error, pauseMs) {
      restart();
      desk.log.info("model.retry", {
        account: caller.account,
        provider: ref.provider,
        code: error.code,
        pause_ms: Math.round(pauseMs),
      });
    },
  });
}

/** One try as a span, by the conventions of OpenTelemetry for generative models. */
function traced(ref: ModelRef, ask: () => Promise<Asked>): Promise<Asked> {
  if (!isTracing()) return inSpan(ref.model, {}, ask);
  return inSpan(`chat ${ref.model}`, {
    kind: "client",
    attributes: {
      "gen_ai.operation.name": "chat",
      "gen_ai.provider.name": ref.provider,
      "gen_ai.request.model": ref.model,
    },
  }, async (span) => {
    const asked = await ask();
    const { usage, finishReason } = asked.step.answer;
    span.setAttributes({
      "gen_ai.usage.input_tokens": usage.inputTokens,
      "gen_ai.usage.output_tokens": usage.outputTokens,
      "gen_ai.response.finish_reasons": [finishReason],
    });
    return asked;
  });
}

function askOffline({ till }: Desk, { caller, ref, request }: Route): Promise<Asked> {
  const maxOutputTokens = request.maxOutputTokens ?? OFFLINE_OUTPUT_TOKENS;
  const purchase = { caller, ref, request, maxOutputTokens, price: undefined, remote: false };
  return till(purchase, async () => {
    const answer = await offlineModel({ model: ref.model, ...request, maxOutputTokens });
    return { answer, usage: answer.usage };
  });
}

/** One try: not while the provider rests, not faster than it takes, not without room in the budgets. */
async function askProvider(desk: Desk, { caller, ref, request }: Route): Promise<Asked> {
  const provider = findProvider(ref.provider, caller.account, {
    settings: desk.settings(),
    secretOf: desk.secretOf,
  });
  const { endpoint, config } = provider;
  const maxOutputTokens = Math.min(
    request.maxOutputTokens ?? Infinity,
    config.max_output_tokens,
  );
  const limiter = desk.limiterOf(provider);
  const end = desk.breakers.enter(endpoint.name, provider.account ?? "");
  if (end === null) throw resting(ref);
  try {
    await limiter.take(config.rate_limit.requests_per_second, request.signal);
    const asked = await desk.till(
      {
        caller,
        ref,
        request,
        maxOutputTokens,
        price: provider.priceOf(ref.model),
        remote: true,
      },
      async () => {
        const question = { model: ref.model, ...request, maxOutputTokens };
        const answered = await askOnce(endpoint, question, desk);
        warnOfQuota(desk, provider, answered);
        return answered;
      },
    );
    end("ok");
    return asked;
  } catch (error) {
    end(isFault(error) ? "fault" : "undecided");
    if (error instanceof ModelError && error.code === "model_rate_limited") {
      limiter.pause(Math.min(error.retryAfterMs ?? 0, desk.settings().llm.retry.max_backoff_ms));
    }
    throw error;
  }
}

function isFault(error: unknown): boolean {
  return error instanceof ModelError &&
    (error.code === "model_overloaded" || error.code === "model_timeout" ||
      error.code === "model_failed");
}

function resting({ provider, model }: ModelRef): ModelError {
  return new ModelError(
    "model_overloaded",
    `Cannot ask model "${model}" of "${provider}": it failed ${BREAKER_LIMITS.faults} times in a row and rests for up to ${
      BREAKER_LIMITS.rest.maxMs / 1000
    } s`,
    { resting: true },
  );
}

function warnOfQuota({ log }: Desk, { config, endpoint, account }: Provider, answered: Answered) {
  const { quota_alert_threshold: threshold } = config.rate_limit;
  const { tokensLeft: left } = answered;
  if (threshold === undefined || left === undefined || left >= threshold) return;
  log.warn("model.quota_low", { provider: endpoint.name, account, tokens_left: left });
}
