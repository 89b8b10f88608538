/**
 * What agents passed on to people.
 *
 * @module
 */
/** @jsxImportSource preact */
import { ask } from "./api.ts";
import { onFields, useAct, useAnswer } from "./hooks.ts";
import { Badge, Button, Empty, Field, Missing, Problem, Section, When, Who } from "./parts.tsx";
import { Here, type OthersIn, useOthers } from "./presence.tsx";
import type { Conversations, Escalations, User } from "./types.ts";

type Entry = Escalations["entries"][number];

/** The queue, newest first, and what became of earlier ones. */
export function EscalationsPage({ account, user }: { account: string; user: User }) {
  const othersIn = useOthers(account, user);
  const { data, error, refresh } = useAnswer<Escalations>(
    `tenants/${account}/escalations?filter=all`,
  );
  const conversations = useAnswer<Conversations>(`tenants/${account}/conversations`);
  const pending = data?.entries.filter(({ state }) => state.state === "pending");
  const resolved = data?.entries.filter(({ state }) => state.state === "resolved");
  return (
    <>
      <h1>Escalations</h1>
      <Problem text={error} onRetry={refresh} />
      {error === undefined
        ? <Problem text={conversations.error} onRetry={conversations.refresh} />
        : null}
      <Section title="Waiting for a person">
        {pending === undefined ? <Missing error={error} /> : pending.length === 0
          ? (
            <Empty>
              Nothing waits. An agent with the tool escalate_to_human puts its questions here; it is
              among an agent's tools under Agents.
            </Empty>
          )
          : (
            <ul class="rows">
              {pending.map((entry) => (
                <Pending
                  key={JSON.stringify(entry.scope)}
                  account={account}
                  entry={entry}
                  conversations={conversations.data}
                  othersIn={othersIn}
                  onDone={refresh}
                />
              ))}
            </ul>
          )}
      </Section>
      {resolved === undefined || resolved.length === 0 ? null : (
        <Section title="Settled">
          <ul class="rows">
            {resolved.map(({ scope, state, contact_name }) =>
              state.state !== "resolved" || scope.kind !== "conversation"
                ? null
                : (
                  <li key={`${scope.channel}/${scope.contact_id}`} class="row">
                    <Who
                      contact={scope.contact_id}
                      name={contact_name}
                      channel={scope.channel}
                    />
                    <Badge tone="good">{SETTLED[state.by.kind] ?? state.by.kind}</Badge>
                    <When ms={state.resolved_at_ms} />
                  </li>
                )
            )}
          </ul>
        </Section>
      )}
    </>
  );
}

const SETTLED: Readonly<Record<string, string>> = {
  operator_takeover: "a person took over",
  operator_dismissed: "dismissed",
  agent_resolved: "the agent settled it",
};

function Pending(
  { account, entry: { scope, state, agent_id, contact_name }, conversations, othersIn, onDone }: {
    account: string;
    entry: Entry;
    conversations: Conversations | undefined;
    othersIn: OthersIn;
    onDone: () => void;
  },
) {
  const { act, isBusy, error } = useAct();
  if (state.state !== "pending" || scope.kind !== "conversation") return null;
  const { channel, contact_id } = scope;
  const session = conversations?.conversations.find((one) =>
    one.agent_id === agent_id && one.channel === channel && one.contact_id === contact_id
  )?.session_id;
  const place = session === undefined ? "" : `/${encodeURIComponent(agent_id)}/${session}`;
  return (
    <li class="entry">
      <div class="row">
        <Who contact={contact_id} name={contact_name} channel={channel} />
        <Here names={othersIn(session)} />
        <Badge tone={state.urgency === "high" ? "warn" : "plain"}>{state.urgency} urgency</Badge>
        <When ms={state.requested_at_ms} />
      </div>
      <p>{state.summary}</p>
      <div>
        <a class="button" href={`#/${account}/inbox${place}`}>Open the conversation</a>
      </div>
      <form
        onSubmit={onFields(async ({ dismiss_reason }) => {
          const body = { agent_id, channel, contact_id, by: "dismissed", dismiss_reason };
          const path = `tenants/${account}/escalations/resolve`;
          const done = await act(() => ask(path, { method: "POST", body }));
          if (done) onDone();
          return done;
        })}
      >
        <Field label="Or say why nothing is to be done">
          <input name="dismiss_reason" required maxlength={500} />
        </Field>
        <Button class="quiet" isBusy={isBusy}>Dismiss</Button>
      </form>
      <Problem text={error} />
    </li>
  );
}
