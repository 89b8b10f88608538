/**
 * A tenant's contacts, and who of them does not want to be written to.
 *
 * @module
 */
/** @jsxImportSource preact */
import { useState } from "preact/hooks";
import { ask } from "./api.ts";
import { onFields, useAct, useAnswer, useFocus } from "./hooks.ts";
import { Badge, Button, Empty, Field, Missing, Problem, Section, When, Who } from "./parts.tsx";
import type { Lead, Leads } from "./types.ts";

const LEAD_STAGES = ["new", "contacted", "qualified", "won", "lost"];

/** The page. */
export function LeadsPage({ account }: { account: string }) {
  const { data, error, refresh } = useAnswer<Leads>(`tenants/${account}/leads`);
  const { act, isBusy, error: failed } = useAct();
  const [edited, setEdited] = useState<Lead | undefined>(undefined);
  const put = async (path: string, body: unknown): Promise<boolean> => {
    const done = await act(() => ask(`tenants/${account}/${path}`, { method: "PUT", body }));
    if (done) refresh();
    return done;
  };
  const silent = new Set(data?.opted_out.map(keyOf));
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
              {data.leads.map((lead) => (
                <LeadRow
                  key={keyOf(lead)}
                  lead={lead}
                  isSilent={silent.has(keyOf(lead))}
                  isBusy={isBusy}
                  onEdit={() => setEdited(lead)}
                  onOptOut={() =>
                    void put("consents", {
                      channel: lead.channel,
                      contact: lead.contact,
                      status: "opted_out",
                    })}
                />
              ))}
            </ul>
          )}
      </Section>
      <LeadForm
        key={edited === undefined ? "" : keyOf(edited)}
        edited={edited}
        isBusy={isBusy}
        onSave={(lead) => put("leads", lead)}
        onDone={() => setEdited(undefined)}
      />
      <Section title="Opted out">
        {data === undefined
          ? <Missing error={error} />
          : data.opted_out.length === 0
          ? <Empty>Nobody. Who writes STOP is on this list at once and gets nothing more.</Empty>
          : (
            <ul class="rows">
              {data.opted_out.map(({ channel, contact, name, at_ms }) => (
                <li key={keyOf({ channel, contact })} class="row">
                  <Who contact={contact} name={name} channel={channel} />
                  <When ms={at_ms} />
                  <Button
                    type="button"
                    class="bare"
                    isBusy={isBusy}
                    label={`Write again to ${name ?? contact}`}
                    onClick={() =>
                      void put("consents", { channel, contact, status: "opted_in" })}
                  >
                    Write again
                  </Button>
                </li>
              ))}
            </ul>
          )}
      </Section>
    </>
  );
}

function LeadRow({ lead, isSilent, isBusy, onEdit, onOptOut }: {
  lead: Lead;
  isSilent: boolean;
  isBusy: boolean;
  onEdit: () => void;
  onOptOut: () => void;
}) {
  const { channel, contact, name, stage, note, last_heard_ms } = lead;
  return (
    <li class="row">
      <Who contact={contact} name={name} channel={channel} />
      <Badge tone="plain">{stage}</Badge>
      {isSilent ? <Badge tone="warn">opted out</Badge> : null}
      <When ms={last_heard_ms} />
      <span class="buttons">
        <Button
          type="button"
          class="bare"
          isBusy={isBusy}
          label={`Edit ${name ?? contact}`}
          onClick={onEdit}
        >
          Edit
        </Button>
        {isSilent ? null : (
          <Button
            type="button"
            class="bare"
            isBusy={isBusy}
            label={`Opt out ${name ?? contact}`}
            onClick={onOptOut}
          >
            Opt out
          </Button>
        )}
      </span>
      {note === null ? null : <p class="note">{note}</p>}
    </li>
  );
}

function LeadForm({ edited, isBusy, onSave, onDone }: {
  edited: Lead | undefined;
  isBusy: boolean;
  onSave: (lead: Record<string, string>) => Promise<boolean>;
  onDone: () => void;
}) {
  const name = useFocus<HTMLInputElement>(edited !== undefined);
  return (
    <Section
      title={edited === undefined ? "Add a lead" : `Change ${edited.name ?? edited.contact}`}
    >
      <form
        onSubmit={onFields(async (lead) => {
          const done = await onSave(lead);
          if (done) onDone();
          return done;
        })}
      >
        <Field label="Channel">
          <input
            name="channel"
            required
            defaultValue={edited?.channel ?? "webchat"}
            readOnly={edited !== undefined}
          />
        </Field>
        <Field label="Contact" hint="Their id on the channel.">
          <input
            name="contact"
            required
            defaultValue={edited?.contact ?? ""}
            readOnly={edited !== undefined}
          />
        </Field>
        <Field label="Name">
          <input name="name" maxlength={200} defaultValue={edited?.name ?? ""} ref={name} />
        </Field>
        <Field label="Stage">
          <select name="stage">
            {LEAD_STAGES.map((stage) => (
              <option key={stage} value={stage} selected={stage === (edited?.stage ?? "new")}>
                {stage}
              </option>
            ))}
          </select>
        </Field>
        <Field label="Note">
          <input name="note" maxlength={4_000} defaultValue={edited?.note ?? ""} />
        </Field>
        <div class="buttons">
          <Button isBusy={isBusy}>{edited === undefined ? "Add lead" : "Save lead"}</Button>
          {edited === undefined
            ? null
            : <button type="button" class="quiet" onClick={onDone}>Cancel</button>}
        </div>
      </form>
    </Section>
  );
}

function keyOf({ channel, contact }: { channel: string; contact: string }): string {
  return JSON.stringify([channel, contact]);
}
