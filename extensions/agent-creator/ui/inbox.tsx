/**
 * The inbox: conversations as they happen, and a person in the agent's place.
 *
 * @module
 */
/** @jsxImportSource preact */
import { useEffect, useRef } from "preact/hooks";
import { ask } from "./api.ts";
import { onFields, useAct, useAnswer } from "./hooks.ts";
import { Badge, Button, Empty, Field, Missing, Problem, Waiting, When, Who } from "./parts.tsx";
import { Here, type OthersIn, useOthers } from "./presence.tsx";
import type { Conversation, Conversations, Thread, User } from "./types.ts";

/** Conversations of a tenant; the chosen one beside them, or in their place on a small screen. */
export function InboxPage(
  { account, user, agent, session }: {
    account: string;
    user: User;
    agent?: string;
    session?: string;
  },
) {
  const isChosen = agent !== undefined && session !== undefined;
  const othersIn = useOthers(account, user);
  return (
    <>
      <h1>Inbox</h1>
      <div class={isChosen ? "inbox chosen" : "inbox"}>
        <ConversationList account={account} session={session} othersIn={othersIn} />
        {isChosen
          ? (
            <ThreadView
              account={account}
              user={user.name}
              agent={agent}
              session={session}
              others={othersIn(session)}
            />
          )
          : <p class="empty wide">Choose a conversation to read along, or to take it over.</p>}
      </div>
    </>
  );
}

function ConversationList(
  { account, session, othersIn }: {
    account: string;
    session: string | undefined;
    othersIn: OthersIn;
  },
) {
  const { data, error, refresh } = useAnswer<Conversations>(`tenants/${account}/conversations`);
  return (
    <nav class="card" aria-label="Conversations">
      <Problem text={error} onRetry={refresh} />
      {data === undefined
        ? <Missing error={error} />
        : data.conversations.length === 0
        ? <Empty>Nobody has written yet. Conversations appear here by themselves.</Empty>
        : (
          <ul class="rows links">
            {data.conversations.map((one) => (
              <ConversationRow
                key={one.session_id}
                account={account}
                conversation={one}
                isCurrent={one.session_id === session}
                others={othersIn(one.session_id)}
              />
            ))}
          </ul>
        )}
    </nav>
  );
}

function ConversationRow(
  { account, conversation, isCurrent, others }: {
    account: string;
    conversation: Conversation;
    isCurrent: boolean;
    others: readonly string[];
  },
) {
  const { agent_id, session_id, channel, last, state, escalation, pending } = conversation;
  return (
    <li>
      <a
        href={`#/${account}/inbox/${agent_id}/${session_id}`}
        aria-current={isCurrent ? "page" : undefined}
      >
        <span class="line">
          <Who
            contact={conversation.contact_id}
            name={conversation.contact_name}
            channel={channel}
          />
          <When ms={last?.sent_at_ms} />
        </span>
        <span class="excerpt">{last?.body ?? ""}</span>
        <span class="marks">
          {escalation.state === "pending" ? <Badge tone="warn">asks for help</Badge> : null}
          {state.state === "paused_by_operator" ? <Badge tone="warn">taken over</Badge> : null}
          {pending > 0 ? <Badge tone="plain">{pending} waiting</Badge> : null}
          <Here names={others} />
        </span>
      </a>
    </li>
  );
}

function ThreadView(
  { account, user, agent, session, others }: {
    account: string;
    /** Who is signed in, by name. */
    user: string;
    agent: string;
    session: string;
    /** Colleagues who have it open as well. */
    others: readonly string[];
  },
) {
  const path = `tenants/${account}/conversations/${encodeURIComponent(agent)}/${session}`;
  const { data, error, refresh } = useAnswer<Thread>(path);
  const list = useRef<HTMLOListElement>(null);
  const entries = entriesOf(data);
  useEffect(() => list.current?.scrollTo({ top: list.current.scrollHeight }), [entries.length]);
  const conversation = data?.conversation;
  if (conversation == null) {
    if (error !== undefined) return <Problem text={error} onRetry={refresh} />;
    if (data === undefined) return <Waiting />;
    return <Problem text="There is no such conversation. Choose another in the list." />;
  }
  const { contact_id, contact_name, channel } = conversation;
  return (
    <section
      class="card thread"
      aria-label={`Conversation with ${contact_name ?? contact_id}`}
    >
      <header>
        <a class="back" href={`#/${account}/inbox`}>All conversations</a>
        <h2>
          <Who contact={contact_id} name={contact_name} channel={channel} />
        </h2>
        <span role="status">
          <Here names={others} />
        </span>
      </header>
      <Problem text={error} onRetry={refresh} />
      <ol class="messages" aria-live="polite" aria-label="Messages" tabIndex={0} ref={list}>
        {entries.map(({ key, kind, who, text, atMs }) => (
          <li key={key} class={kind}>
            <span class="who">
              {who} <When ms={atMs} />
            </span>
            <p>{text}</p>
          </li>
        ))}
      </ol>
      <TakeoverBar
        account={account}
        user={user}
        conversation={conversation}
        onDone={refresh}
      />
    </section>
  );
}

interface Entry {
  readonly key: string;
  readonly kind: string;
  readonly who: string;
  readonly text: string;
  readonly atMs: number;
}

/** What was said, tools' own answers left out, and what waits behind a pause. */
function entriesOf(thread: Thread | undefined): Entry[] {
  const said =
    thread?.events.flatMap((event): Entry[] =>
      event.kind !== "transcript_appended" || event.role === "tool" || event.body === "" ? [] : [{
        key: `said-${event.seq}`,
        kind: event.role,
        who: whoSays(event.role, event.source_plugin),
        text: event.body,
        atMs: event.sent_at_ms,
      }]
    ) ?? [];
  const waiting = new Set(thread?.pending.map(({ sent_at_ms, body }) => `${sent_at_ms} ${body}`));
  return said.map((entry) =>
    entry.kind === "user" && waiting.has(`${entry.atMs} ${entry.text}`)
      ? { ...entry, kind: "user waiting-inbound", who: "waiting" }
      : entry
  );
}

function whoSays(role: string, source: string): string {
  if (source.startsWith("intervention:")) return role === "system" ? "summary" : "your team";
  return role === "user" ? "contact" : role === "assistant" ? "agent" : role;
}

function TakeoverBar(
  { account, user, conversation, onDone }: {
    account: string;
    user: string;
    conversation: Conversation;
    onDone: () => void;
  },
) {
  const { act, isBusy, error } = useAct();
  const { agent_id, channel, contact_id, session_id, state, escalation } = conversation;
  const scope = { agent_id, channel, contact_id };
  const post = (step: string, more: Record<string, unknown> = {}): Promise<boolean> =>
    act(() =>
      ask(`tenants/${account}/takeover/${step}`, { method: "POST", body: { ...scope, ...more } })
    )
      .then((done) => {
        if (done) onDone();
        return done;
      });
  if (state.state !== "paused_by_operator") {
    return (
      <footer>
        {escalation.state === "pending"
          ? <p class="ask">The agent asks for help: {escalation.summary}</p>
          : null}
        <Problem text={error} />
        <Button type="button" isBusy={isBusy} onClick={() => void post("engage")}>
          Take over
        </Button>
      </footer>
    );
  }
  if (state.operator_name !== user) {
    return (
      <footer>
        <p>{state.operator_name ?? "A colleague"} has taken this conversation over.</p>
        <Problem text={error} />
        <Button
          type="button"
          class="quiet"
          isBusy={isBusy}
          onClick={() => void post("release", { session_id, force: true })}
        >
          Give it back to the agent all the same
        </Button>
      </footer>
    );
  }
  return (
    <footer>
      <Problem text={error} />
      <form onSubmit={onFields(({ body = "" }) => post("send", { body }))}>
        <Field label="Your message">
          <textarea name="body" rows={2} required />
        </Field>
        <Button isBusy={isBusy}>Send</Button>
      </form>
      <form onSubmit={onFields(({ summary = "" }) => post("release", { session_id, summary }))}>
        <Field
          label="Summary for the agent"
          hint="It reads this, and everything that came meanwhile."
        >
          <textarea name="summary" rows={2} maxlength={4_096} />
        </Field>
        <Button class="quiet" isBusy={isBusy}>Give it back to the agent</Button>
      </form>
    </footer>
  );
}
