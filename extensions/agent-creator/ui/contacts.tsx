/**
 * A tenant's contacts and its campaigns.
 *
 * @module
 */
/** @jsxImportSource preact */
import { ask } from "./api.ts";
import { onFields, useAct, useAnswer } from "./hooks.ts";
import { Badge, Button, Empty, Field, Missing, Problem, Section, When } from "./parts.tsx";
import type { Drips, Leads } from "./types.ts";

const LEAD_STAGES = ["new", "contacted", "qualified", "won", "lost"];
const PROGRESS: Readonly<Record<string, string>> = {
  waiting: "waiting for the next text",
  done: "had all of it",
  stopped: "answered or opted out",
};

/** Contacts, and who does not want to be written to. */
export function LeadsPage({ account }: { account: string }) {
  const { data, error, refresh } = useAnswer<Leads>(`tenants/${account}/leads`);
  const { act, isBusy, error: failed } = useAct();
  return (
    <>
      <h1>Contacts</h1>
      <Problem text={error} onRetry={refresh} />
      <Problem text={failed} />
      <Section title="Leads">
        {data === undefined
          ? <Missing error={error} />
          : data.leads.length === 0
          ? <Empty>Whoever writes becomes a lead. You can add somebody below.</Empty>
          : (
            <ul class="rows">
              {data.leads.map(({ channel, contact, name, stage, note, last_heard_ms }) => (
                <li key={`${channel}/${contact}`}>
                  <strong>{name ?? contact}</strong> <span>{channel}</span>
                  <Badge tone="plain">{stage}</Badge>
                  <When ms={last_heard_ms} />
                  {note === null ? null : <p>{note}</p>}
                </li>
              ))}
            </ul>
          )}
      </Section>
      <Section title="Add or change a lead">
        <form
          onSubmit={onFields(async (fields) => {
            const given = Object.entries(fields).filter(([, value]) => value !== "");
            const body = Object.fromEntries(given);
            const done = await act(() => ask(`tenants/${account}/leads`, { method: "PUT", body }));
            if (done) refresh();
            return done;
          })}
        >
          <Field label="Channel">
            <input name="channel" defaultValue="webchat" required />
          </Field>
          <Field label="Contact">
            <input name="contact" required />
          </Field>
          <Field label="Name">
            <input name="name" />
          </Field>
          <Field label="Stage">
            <select name="stage">
              <option value="">as it is</option>
              {LEAD_STAGES.map((stage) => <option key={stage} value={stage}>{stage}</option>)}
            </select>
          </Field>
          <Field label="Note">
            <input name="note" />
          </Field>
          <Button isBusy={isBusy}>Save</Button>
        </form>
      </Section>
      <Section title="Opted out">
        {data === undefined
          ? <Missing error={error} />
          : data.opted_out.length === 0
          ? <Empty>Nobody. Who writes STOP is on this list at once and gets nothing more.</Empty>
          : (
            <ul class="rows">
              {data.opted_out.map(({ channel, contact, at_ms }) => (
                <li key={`${channel}/${contact}`}>
                  <strong>{contact}</strong> <span>{channel}</span> <When ms={at_ms} />
                </li>
              ))}
            </ul>
          )}
      </Section>
    </>
  );
}

/** Campaigns, how far they are, and a new one. */
export function DripsPage({ account }: { account: string }) {
  const { data, error, refresh } = useAnswer<Drips>(`tenants/${account}/drips`);
  const { act, isBusy, error: failed } = useAct();
  const path = `tenants/${account}/drips`;
  return (
    <>
      <h1>Campaigns</h1>
      <Problem text={error} onRetry={refresh} />
      <Problem text={failed} />
      <Section title="Running and stopped">
        {data === undefined ? <Missing error={error} /> : data.campaigns.length === 0
          ? (
            <Empty>
              None yet. A campaign sends texts one after another and ends when somebody answers.
            </Empty>
          )
          : (
            <ul class="rows">
              {data.campaigns.map(({ id, name, steps, active, progress }) => (
                <li key={id}>
                  <strong>{name}</strong> <span>{steps.length} steps</span>
                  <Badge tone={active ? "good" : "plain"}>{active ? "running" : "stopped"}</Badge>
                  <ul class="facts">
                    {progress.map(({ state, count }) => (
                      <li key={state}>{count} {PROGRESS[state] ?? state}</li>
                    ))}
                  </ul>
                  <form
                    class="inline"
                    onSubmit={onFields(async ({ channel = "", contacts = "" }) => {
                      const people = contacts.split(/\s+/).filter((contact) => contact !== "")
                        .map((contact) => ({ channel, contact }));
                      const done = await act(() =>
                        ask(`${path}/${id}/people`, { method: "POST", body: { people } })
                      );
                      if (done) refresh();
                      return done;
                    })}
                  >
                    <Field label="Channel">
                      <input name="channel" defaultValue="webchat" required />
                    </Field>
                    <Field label="Contacts" hint="As under Contacts; one a line.">
                      <textarea name="contacts" rows={2} required />
                    </Field>
                    <Button isBusy={isBusy}>Start for them</Button>
                    <Button
                      type="button"
                      class="quiet"
                      isBusy={isBusy}
                      onClick={() =>
                        void act(() =>
                          ask(`${path}/${id}/active`, { method: "PUT", body: { active: !active } })
                        ).then((done) => done && refresh())}
                    >
                      {active ? "Stop" : "Go on"}
                    </Button>
                  </form>
                </li>
              ))}
            </ul>
          )}
      </Section>
      <Section title="New campaign">
        <form
          onSubmit={onFields(async ({ name = "", texts = "", after = "0" }) => {
            const steps = texts.split("\n").map((text) => text.trim()).filter((text) => text !== "")
              .map((text, i) => ({ text, after_secs: i === 0 ? 0 : Number(after) * 3_600 }));
            const done = await act(() => ask(path, { method: "POST", body: { name, steps } }));
            if (done) refresh();
            return done;
          })}
        >
          <Field label="Name">
            <input name="name" required maxlength={200} />
          </Field>
          <Field label="Texts" hint="One a line; the first goes out at once.">
            <textarea name="texts" rows={4} required />
          </Field>
          <Field label="Hours between them">
            <input name="after" type="number" min={0} step="any" defaultValue="24" required />
          </Field>
          <Button isBusy={isBusy}>Create</Button>
        </form>
      </Section>
    </>
  );
}
