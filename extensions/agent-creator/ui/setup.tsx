/**
 * Bringing a customer in, step by step: from a name to a first conversation.
 *
 * @module
 */
/** @jsxImportSource preact */
import { useState } from "preact/hooks";
import { ask } from "./api.ts";
import { onFields, useAct, useAnswer } from "./hooks.ts";
import { Badge, Button, Empty, Field, Missing, Problem, Section, Waiting } from "./parts.tsx";
import type { Customer, Pairing, User } from "./types.ts";

/** The steps from a name to a first conversation. */
export function SetupPage({ account }: { account: string }) {
  const { data, error, refresh } = useAnswer<{ tenants: Customer[] }>("tenants", "still");
  const customer = data?.tenants.find((tenant) => tenant.account_id === account);
  if (customer === undefined) {
    if (error !== undefined) return <Problem text={error} onRetry={refresh} />;
    if (data === undefined) return <Waiting />;
    return <Problem text="There is no such customer. All there are stand under Customers." />;
  }
  return (
    <>
      <h1>Set up {customer.display_name}</h1>
      <Problem text={error} onRetry={refresh} />
      <AgentStep customer={customer} onDone={refresh} />
      {customer.agent_id === null ? null : <LineStep customer={customer} onDone={refresh} />}
      {customer.channel === null ? null : <PairingStep customer={customer} onDone={refresh} />}
      {customer.channel === null ? null : <PeopleStep customer={customer} onDone={refresh} />}
    </>
  );
}

interface StepProps {
  readonly customer: Customer;
  readonly onDone: () => void;
}

function AgentStep({ customer, onDone }: StepProps) {
  const { act, isBusy, error } = useAct();
  if (customer.agent_id !== null) {
    return (
      <Section title="1. Agent" aside={<Badge tone="good">done</Badge>}>
        <p>
          Its agent is <code>{customer.agent_id}</code>.{" "}
          <a href={`#/${customer.account_id}/agents`}>Change it under Agents</a>
        </p>
      </Section>
    );
  }
  return (
    <Section title="1. Agent">
      <form
        onSubmit={onFields(async ({ tools = "", ...agent }) => {
          const allowed_tools = tools.split(/[\s,]+/).filter((name) => name !== "");
          const body = { ...agent, allowed_tools };
          const path = `tenants/${customer.account_id}/agent`;
          const done = await act(() => ask(path, { method: "POST", body }));
          if (done) onDone();
          return done;
        }, { keeps: true })}
      >
        <Field label="Provider" hint="As in llm.yaml; offline needs no key.">
          <input name="provider" defaultValue="offline" required />
        </Field>
        <Field label="Model">
          <input name="model" defaultValue="rules" required />
        </Field>
        <Field label="Prompt">
          <textarea
            name="system_prompt"
            rows={3}
            defaultValue="You help customers, briefly and kindly."
          />
        </Field>
        <Field
          label="Tools"
          hint="Names, separated by blanks; escalate_to_human lets it ask for help."
        >
          <input name="tools" defaultValue="escalate_to_human" />
        </Field>
        <Problem text={error} />
        <Button isBusy={isBusy}>Save agent</Button>
      </form>
    </Section>
  );
}

function LineStep({ customer, onDone }: StepProps) {
  const { act, isBusy, error } = useAct();
  const [channel, setChannel] = useState(customer.channel ?? "webchat");
  const [said, setSaid] = useState<string | undefined>(undefined);
  // Fields with a secret are made anew once it is kept.
  const [round, setRound] = useState(0);
  return (
    <Section
      title="2. How people reach it"
      aside={customer.channel === null ? null : <Badge tone="good">done</Badge>}
    >
      <form
        onSubmit={onFields(async ({ channel: _channel, ...payload }) => {
          const done = await act(async () => {
            const { validation } = await ask<{ validation: { detail?: string } | null }>(
              `tenants/${customer.account_id}/line`,
              { method: "POST", body: { channel, payload } },
            );
            setSaid(validation?.detail ?? "connected");
          });
          if (!done) return false;
          setRound(round + 1);
          onDone();
          return true;
        }, { keeps: true })}
      >
        <Field label="Channel">
          <select
            name="channel"
            value={channel}
            onChange={(event) => setChannel((event.target as HTMLSelectElement).value)}
          >
            <option value="webchat">Web chat</option>
            <option value="telegram">Telegram</option>
            <option value="whatsapp">WhatsApp</option>
          </select>
        </Field>
        {channel === "telegram"
          ? (
            <Field label="Bot token" hint="From @BotFather. It is kept sealed and shown nowhere.">
              <input key={round} name="token" type="password" autocomplete="off" required />
            </Field>
          )
          : null}
        {channel === "whatsapp"
          ? (
            <Field
              label="Access token"
              hint="Of the Cloud API. It is kept sealed and shown nowhere."
            >
              <input key={round} name="access_token" type="password" autocomplete="off" required />
            </Field>
          )
          : null}
        <Problem text={error} />
        {said === undefined ? null : <p class="told" role="status">{said}</p>}
        <Button isBusy={isBusy}>
          {customer.channel === null ? "Connect" : "Connect again"}
        </Button>
      </form>
    </Section>
  );
}

const PAIRING: Readonly<Record<string, string>> = {
  pending: "being made",
  qr_ready: "ready to be scanned",
  awaiting_user: "waiting for the person",
  linked: "linked",
  expired: "expired: make a new link",
  cancelled: "cancelled: make a new link",
};

interface Started {
  readonly tenant: Customer;
  readonly instructions: string;
}

function PairingStep({ customer, onDone }: StepProps) {
  const { account_id } = customer;
  const { data, error: unread, refresh } = useAnswer<Pairing>(`tenants/${account_id}/pairing`);
  const { act, isBusy, error } = useAct();
  const [started, setStarted] = useState<Started | undefined>(undefined);
  const pairing = data?.pairing;
  // A link that is being replaced leads nowhere.
  const isCurrent = !isBusy &&
    (started === undefined || started.tenant.challenge_id === pairing?.challenge_id);
  const { link, qr_png_base64: picture } = (isCurrent ? pairing?.data : undefined) ?? {};
  return (
    <Section title="3. Pair a person">
      <Problem text={unread} onRetry={refresh} />
      {data === undefined
        ? <Missing error={unread} />
        : pairing == null
        ? <Empty>A link or QR code lets somebody write to the agent from their own account.</Empty>
        : (
          <p>
            State:{" "}
            <Badge tone={pairing.state === "linked" ? "good" : "plain"}>
              {PAIRING[pairing.state] ?? pairing.state}
            </Badge>
          </p>
        )}
      {picture === undefined ? null : (
        <img
          class="qr"
          alt="QR code with the link below"
          src={`data:image/png;base64,${picture}`}
        />
      )}
      {link === undefined ? null : (
        <p>
          <a href={link} target="_blank" rel="noreferrer">{link}</a>
        </p>
      )}
      {started === undefined ? null : <p role="status">{started.instructions}</p>}
      <Problem text={error} />
      <Button
        type="button"
        isBusy={isBusy}
        onClick={() =>
          void act(async () => {
            const path = `tenants/${account_id}/pairing`;
            setStarted(await ask<Started>(path, { method: "POST", body: {} }));
          }).then(() => {
            refresh();
            onDone();
          })}
      >
        {pairing == null ? "Make a link" : "Make a new link"}
      </Button>
    </Section>
  );
}

function PeopleStep({ customer, onDone }: StepProps) {
  const path = `tenants/${customer.account_id}/users`;
  const { data, error: unread, refresh } = useAnswer<{ users: User[] }>(path, "still");
  const { act, isBusy, error } = useAct();
  const [code, setCode] = useState<string | undefined>(undefined);
  const revoke = async (id: string): Promise<void> => {
    const done = await act(() => ask(`${path}/${encodeURIComponent(id)}`, { method: "DELETE" }));
    if (done) refresh();
  };
  return (
    <Section title="4. Let the customer's people in">
      <Problem text={unread} onRetry={refresh} />
      {data === undefined
        ? <Missing error={unread} />
        : data.users.length === 0
        ? <Empty>Nobody yet. Who has a code sees this customer, and no other.</Empty>
        : (
          <ul class="rows">
            {data.users.map(({ id, name }) => (
              <li key={id} class="row">
                <strong>{name}</strong>
                <span class="buttons">
                  <Button
                    type="button"
                    class="bare"
                    isBusy={isBusy}
                    label={`Revoke the code of ${name}`}
                    onClick={() => void revoke(id)}
                  >
                    Revoke the code
                  </Button>
                </span>
              </li>
            ))}
          </ul>
        )}
      <form
        onSubmit={onFields(async (body) => {
          const done = await act(async () =>
            setCode((await ask<{ code: string }>(path, { method: "POST", body })).code)
          );
          if (done) {
            refresh();
            onDone();
          }
          return done;
        })}
      >
        <Field label="Who">
          <input name="name" required maxlength={128} />
        </Field>
        <Problem text={error} />
        <Button isBusy={isBusy}>Make a sign-in code</Button>
      </form>
      {code === undefined ? null : (
        <p class="told" role="status">
          Their code, shown this once: <code class="code">{code}</code>
        </p>
      )}
      <p>
        <a href={`#/${customer.account_id}/inbox`}>Open the inbox</a>
      </p>
    </Section>
  );
}
