/**
 * One delivery: where it came from, what became of it, and another try.
 *
 * @module
 */
import { useState } from "hono/jsx/dom";
import type { DeliveryStory } from "../../../core/contract/views/deliveries.ts";
import { ApiError } from "./api.ts";
import { ConfirmButton } from "./dialog.tsx";
import { showDuration, showTime } from "./format.ts";
import { useQuery } from "./query.ts";
import { pathTo } from "./router.ts";
import { useServices } from "./services.ts";
import { TEXTS } from "./texts/mod.ts";
import { Badge, Facts, Failure, Json, Link, Loading, PageHead, Time } from "./ui.tsx";

const T = TEXTS.delivery;

/** The page of a delivery. */
export function DeliveryPage({ envelopeId }: { envelopeId: string }) {
  const { api } = useServices();
  const { data, error, refresh } = useQuery({
    key: `delivery ${envelopeId}`,
    ask: (signal) => api.call<DeliveryStory>("inbox/story", { envelope_id: envelopeId }, signal),
    changedBy: ["turn_started", "turn_finished"],
  });
  const [copy, setCopy] = useState<string | undefined>(undefined);
  async function replay(): Promise<void> {
    const again = await api.call<{ envelope_id: string }>("inbox/replay", {
      envelope_id: envelopeId,
    });
    setCopy(again.envelope_id);
  }
  return (
    <>
      <PageHead
        title={data === undefined
          ? T.title
          : `${data.delivery.source_id} ${data.delivery.event_kind}`}
      >
        <Link to={pathTo("deliveries")} class="button">{T.back}</Link>
        <ConfirmButton
          label={T.replay}
          title={T.replayTitle}
          text={T.replayText}
          busy={T.replaying}
          act={replay}
          className="primary"
        />
      </PageHead>
      <div role="status">
        {copy === undefined ? null : (
          <p class="note good">
            {T.replayedAs} <Link to={pathTo("deliveries", copy)}>{copy}</Link>
          </p>
        )}
      </div>
      {error === undefined ? null : <Failure error={error} onRetry={refresh} />}
      {data === undefined
        ? error === undefined ? <Loading /> : null
        : <Story story={data} onRetried={refresh} />}
    </>
  );
}

function Story({ story, onRetried }: { story: DeliveryStory; onRetried: () => void }) {
  const { delivery, replayed_from } = story;
  return (
    <>
      <Facts
        items={[
          [TEXTS.deliveries.state, <Badge state={delivery.state} />],
          [T.verification, T.verified(delivery.verified_by)],
          [TEXTS.deliveries.tenant, delivery.account_id],
          [TEXTS.deliveries.received, <Time atMs={delivery.received_at_ms} isExact />],
          [TEXTS.deliveries.attempts, delivery.attempts],
          [T.subject, <code>{delivery.subject}</code>],
          delivery.delivery_id === null
            ? null
            : [TEXTS.deliveries.delivery, <code>{delivery.delivery_id}</code>],
          [T.envelope, <code>{delivery.envelope_id}</code>],
          replayed_from === null ? null : [
            T.replayedFrom,
            <Link to={pathTo("deliveries", replayed_from)}>{replayed_from}</Link>,
          ],
        ]}
      />
      <h2>{T.chain}</h2>
      <Chain story={story} onRetried={onRetried} />
      <Body envelopeId={delivery.envelope_id} />
    </>
  );
}

function Chain({ story, onRetried }: { story: DeliveryStory; onRetried: () => void }) {
  const { api } = useServices();
  const { delivery, steps, dead_letters } = story;
  return (
    <ol class="chain">
      <li>
        <p class="what">
          {T.received} <Time atMs={delivery.received_at_ms} />
        </p>
        <p class="muted">{T.receivedText(delivery.source_id)}</p>
      </li>
      {steps.length > 0 || dead_letters.length > 0 ? null : (
        <li>
          <p class="muted">
            {T.noStep} <code>{delivery.subject}</code>
          </p>
        </li>
      )}
      {steps.map((step) => <Step key={step.inbound_id} step={step} />)}
      {dead_letters.map((letter) => (
        <li key={letter.id}>
          <p class="what">
            {T.deadLetter} <Badge state="dead" label={letter.code} />
          </p>
          <p>{letter.detail}</p>
          {letter.replayed_at_ms !== null
            ? (
              <p class="muted">
                {TEXTS.deliveries.replayed} <Time atMs={letter.replayed_at_ms} />
              </p>
            )
            : (
              <ConfirmButton
                label={T.replayDead}
                title={T.replayDeadTitle}
                text={T.replayDeadText}
                busy={T.replaying}
                act={async () => {
                  await api.call("dlq/replay", { id: letter.id });
                  onRetried();
                }}
              />
            )}
        </li>
      ))}
    </ol>
  );
}

function Step({ step }: { step: DeliveryStory["steps"][number] }) {
  const { turn } = step;
  const isWaiting = step.state === "queued" && step.next_at_ms > Date.now();
  return (
    <li>
      <p class="what">
        {T.step(step.agent_id)} <Badge state={step.state} />
      </p>
      <p class="muted">
        {T.tries(step.starts)}
        {isWaiting ? ` · ${T.nextTry} ${showTime(step.next_at_ms)}` : ""}
      </p>
      {turn === null ? null : (
        <p>
          <Link to={pathTo("turns", turn.turn_id)} data-row>
            {T.turn} {showTime(turn.finished_at_ms)}
          </Link>{" "}
          <Badge state={turn.outcome} /> <span class="muted">{showDuration(turn.duration_ms)}</span>
        </p>
      )}
      {turn?.error == null ? null : <p class="error-text">{turn.error}</p>}
    </li>
  );
}

interface ShownEnvelope {
  readonly body_json: unknown;
  readonly headers_subset: Readonly<Record<string, string>>;
  readonly client_ip: string | null;
}

type BodyState =
  | { readonly kind: "hidden" }
  | { readonly kind: "loading" }
  | { readonly kind: "gone" }
  | { readonly kind: "shown"; readonly envelope: ShownEnvelope }
  | { readonly kind: "failed"; readonly error: ApiError };

function Body({ envelopeId }: { envelopeId: string }) {
  const { api } = useServices();
  const [state, setState] = useState<BodyState>({ kind: "hidden" });
  async function show(): Promise<void> {
    setState({ kind: "loading" });
    try {
      const { envelope } = await api.call<{ envelope: ShownEnvelope | null }>(
        "inbox/show",
        { envelope_id: envelopeId },
      );
      setState(
        envelope === null ? { kind: "gone" } : {
          kind: "shown",
          envelope,
        },
      );
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setState({ kind: "failed", error });
    }
  }
  return (
    <section class="panel">
      <h2>{T.request}</h2>
      {state.kind === "hidden"
        ? (
          <>
            <p class="muted">{T.bodyHint}</p>
            <button type="button" onClick={() => void show()}>{T.showBody}</button>
          </>
        )
        : state.kind === "loading"
        ? <Loading />
        : state.kind === "gone"
        ? <p class="muted">{T.bodyGone}</p>
        : state.kind === "failed"
        ? <Failure error={state.error} onRetry={() => void show()} />
        : <Raw envelope={state.envelope} />}
    </section>
  );
}

/** What the provider sent: the headers that were kept, then the body. */
function Raw({ envelope }: { envelope: ShownEnvelope }) {
  const { body_json: body, headers_subset: headers, client_ip: ip } = envelope;
  return (
    <>
      <h3>{T.headers}</h3>
      <dl class="raw-headers">
        {Object.entries(headers).map(([name, value]) => (
          <div key={name}>
            <dt>
              <code>{name}</code>
            </dt>
            <dd>
              <code>{value}</code>
            </dd>
          </div>
        ))}
        {ip === null ? null : (
          <div key="client">
            <dt>{TEXTS.deliveries.client}</dt>
            <dd>
              <code>{ip}</code>
            </dd>
          </div>
        )}
      </dl>
      <p class="meta">{T.headersHint}</p>
      <h3>{T.body}</h3>
      <Json value={body} label={T.body} />
    </>
  );
}
