/**
 * A tenant's campaigns.
 *
 * @module
 */
/** @jsxImportSource preact */
import { useRef } from "preact/hooks";
import { ask } from "./api.ts";
import { onFields, useAct, useAnswer } from "./hooks.ts";
import {
  Badge,
  Button,
  Check,
  Empty,
  Field,
  Missing,
  Problem,
  Section,
  shortId,
} from "./parts.tsx";
import type { Drips, Lead, Leads } from "./types.ts";

type Campaign = Drips["campaigns"][number];

const PROGRESS: Readonly<Record<string, string>> = {
  waiting: "waiting for the next text",
  done: "had all of it",
  stopped: "answered or opted out",
};

/** Campaigns, how far they are, and a new one. */
export function DripsPage({ account }: { account: string }) {
  const path = `tenants/${account}/drips`;
  const { data, error, refresh } = useAnswer<Drips>(path);
  const contacts = useAnswer<Leads>(`tenants/${account}/leads`);
  const { act, isBusy, error: failed } = useAct();
  const send = async (to: string, method: "POST" | "PUT", body: unknown): Promise<boolean> => {
    const done = await act(() => ask(`${path}${to}`, { method, body }));
    if (done) refresh();
    return done;
  };
  const silent = new Set(contacts.data?.opted_out.map(keyOf));
  const people = contacts.data?.leads.filter((lead) => !silent.has(keyOf(lead))) ?? [];
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
              {data.campaigns.map((campaign) => (
                <CampaignRow
                  key={campaign.id}
                  campaign={campaign}
                  people={people}
                  isBusy={isBusy}
                  onActive={(active) => send(`/${campaign.id}/active`, "PUT", { active })}
                  onStart={(chosen) => send(`/${campaign.id}/people`, "POST", { people: chosen })}
                />
              ))}
            </ul>
          )}
      </Section>
      <Section title="New campaign">
        <form
          onSubmit={onFields(({ name = "", texts = "", after = "0" }) => {
            const steps = texts.split("\n").map((text) => text.trim()).filter((text) => text !== "")
              .map((text, i) => ({ text, after_secs: i === 0 ? 0 : Number(after) * 3_600 }));
            return send("", "POST", { name, steps });
          })}
        >
          <Field label="Name">
            <input name="name" required maxlength={200} />
          </Field>
          <Field label="Hours between them">
            <input name="after" type="number" min={0} step="any" defaultValue="24" required />
          </Field>
          <Field label="Texts" hint="One a line; the first goes out at once.">
            <textarea name="texts" rows={4} required />
          </Field>
          <Button isBusy={isBusy}>Create</Button>
        </form>
      </Section>
    </>
  );
}

interface Person {
  readonly channel: string;
  readonly contact: string;
}

function CampaignRow({ campaign, people, isBusy, onActive, onStart }: {
  campaign: Campaign;
  people: readonly Lead[];
  isBusy: boolean;
  onActive: (active: boolean) => Promise<boolean>;
  onStart: (people: readonly Person[]) => Promise<boolean>;
}) {
  const { name, steps, active, progress } = campaign;
  return (
    <li class="entry">
      <div class="row">
        <span class="contact">
          <strong>{name}</strong>
          <span>{steps.length} steps</span>
        </span>
        <Badge tone={active ? "good" : "plain"}>{active ? "running" : "stopped"}</Badge>
        <span class="buttons">
          <Button
            type="button"
            class="bare"
            isBusy={isBusy}
            label={active ? `Stop ${name}` : `Go on with ${name}`}
            onClick={() => void onActive(!active)}
          >
            {active ? "Stop" : "Go on"}
          </Button>
        </span>
      </div>
      <ol class="steps">
        {steps.map(({ text }, i) => <li key={i}>{text}</li>)}
      </ol>
      {progress.length === 0 ? <p class="muted">It runs for nobody yet.</p> : (
        <ul class="facts">
          {progress.map(({ state, count }) => (
            <li key={state}>{count} {PROGRESS[state] ?? state}</li>
          ))}
        </ul>
      )}
      <details open={progress.length === 0}>
        <summary>Start it for contacts</summary>
        <StartForm people={people} isBusy={isBusy} onStart={onStart} />
      </details>
    </li>
  );
}

function StartForm({ people, isBusy, onStart }: {
  people: readonly Lead[];
  isBusy: boolean;
  onStart: (people: readonly Person[]) => Promise<boolean>;
}) {
  const form = useRef<HTMLFormElement>(null);
  if (people.length === 0) {
    return <Empty>Nobody may be written to yet. Whoever writes becomes a contact.</Empty>;
  }
  const chooseAll = (): void => {
    for (const box of form.current?.querySelectorAll<HTMLInputElement>("[type=checkbox]") ?? []) {
      box.checked = true;
    }
  };
  return (
    <form
      ref={form}
      onSubmit={onFields((fields) => {
        const chosen = people.filter((lead) => fields[keyOf(lead)] === "on");
        return onStart(chosen.map(({ channel, contact }) => ({ channel, contact })));
      })}
    >
      <div class="checks many" role="group" aria-label="Contacts" tabIndex={0}>
        {people.map((lead) => (
          <Check
            key={keyOf(lead)}
            name={keyOf(lead)}
            label={lead.name ?? shortId(lead.contact)}
            hint={`${lead.channel} · ${lead.stage}`}
          />
        ))}
      </div>
      <div class="buttons">
        <Button isBusy={isBusy}>Start for them</Button>
        <button type="button" class="quiet" onClick={chooseAll}>Choose all</button>
      </div>
    </form>
  );
}

function keyOf({ channel, contact }: Person): string {
  return JSON.stringify([channel, contact]);
}
