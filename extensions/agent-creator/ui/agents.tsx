/**
 * A tenant's agents and what they have learned, to be edited.
 *
 * @module
 */
/** @jsxImportSource preact */
import { useState } from "preact/hooks";
import { ask } from "./api.ts";
import { ComplianceForm } from "./compliance.tsx";
import { onFields, useAct, useAnswer, useFocus } from "./hooks.ts";
import { Badge, Button, Empty, Field, Missing, Problem, Section } from "./parts.tsx";
import type { Agent, Agents, Skill, Skills } from "./types.ts";

/** Agents and skills. */
export function AgentsPage({ account }: { account: string }) {
  const { data, error, refresh } = useAnswer<Agents>(`tenants/${account}/agents`, "still");
  return (
    <>
      <h1>Agents</h1>
      <Problem text={error} onRetry={refresh} />
      {data === undefined ? <Missing error={error} /> : data.agents.length === 0
        ? (
          <div class="card">
            <Empty>No agent yet. Its first one is made under Set up.</Empty>
          </div>
        )
        : data.agents.map((agent) => (
          <AgentForm key={agent.id} account={account} agent={agent} onDone={refresh} />
        ))}
      <SkillsPart account={account} />
    </>
  );
}

function AgentForm(
  { account, agent, onDone }: { account: string; agent: Agent; onDone: () => void },
) {
  const { act, isBusy, error } = useAct();
  const [said, setSaid] = useState<string | undefined>(undefined);
  const save = async (
    change: Record<string, unknown>,
    says = "Saved. It answers so from the next message on.",
  ): Promise<boolean> => {
    setSaid(undefined);
    const body = { model: agent.model, ...change };
    const path = `tenants/${account}/agents/${encodeURIComponent(agent.id)}`;
    const done = await act(() => ask(path, { method: "PUT", body }));
    if (!done) return false;
    setSaid(says);
    onDone();
    return true;
  };
  return (
    <Section
      title={agent.id}
      aside={agent.active
        ? <Badge tone="good">answers</Badge>
        : <Badge tone="warn">silent: people get no answer from it</Badge>}
    >
      <form
        onSubmit={onFields(({ provider, model, system_prompt, language = "", tools = "" }) =>
          save({
            model: { provider, model },
            system_prompt,
            allowed_tools: tools.split(/[\s,]+/).filter((name) => name !== ""),
            ...(language === "" ? {} : { language }),
          }), { keeps: true })}
      >
        <Field label="Provider" hint="As in llm.yaml; offline needs no key.">
          <input name="provider" defaultValue={agent.model.provider} required />
        </Field>
        <Field label="Model">
          <input name="model" defaultValue={agent.model.model} required />
        </Field>
        <Field label="Prompt" hint="Who it is and what it may promise.">
          <textarea name="system_prompt" rows={5} defaultValue={agent.system_prompt} />
        </Field>
        <Field
          label="Tools"
          hint="Names, separated by blanks; escalate_to_human lets it ask for help."
        >
          <input name="tools" defaultValue={agent.allowed_tools.join(" ")} />
        </Field>
        <Field label="Language" hint="Empty: that of whoever writes.">
          <input name="language" defaultValue={agent.language ?? ""} />
        </Field>
        <Problem text={error} />
        {said === undefined ? null : <p class="told" role="status">{said}</p>}
        <div class="buttons">
          <Button isBusy={isBusy}>Save</Button>
          <Button
            type="button"
            class="quiet"
            isBusy={isBusy}
            onClick={() => void save({ active: !agent.active })}
          >
            {agent.active ? "Let it be silent" : "Let it answer"}
          </Button>
        </div>
      </form>
      <ComplianceForm
        settings={agent.compliance}
        isBusy={isBusy}
        onSave={(compliance) =>
          save({ compliance }, "Saved. Its rules hold from the next message on.")}
      />
    </Section>
  );
}

function SkillsPart({ account }: { account: string }) {
  const path = `tenants/${account}/skills`;
  const { data, error, refresh } = useAnswer<Skills>(path, "still");
  const { act, isBusy, error: failed } = useAct();
  const [edited, setEdited] = useState<Skill | undefined>(undefined);
  const open = (name: string): void =>
    void act(async () => {
      const { skill } = await ask<{ skill: Skill | null }>(`${path}/${encodeURIComponent(name)}`);
      setEdited(skill ?? undefined);
    });
  return (
    <Section title="Skills">
      <Problem text={error} onRetry={refresh} />
      <Problem text={failed} />
      {data === undefined ? <Missing error={error} /> : data.skills.length === 0
        ? (
          <Empty>
            None yet. A skill is a text that tells agents how to do something, such as how a return
            works here.
          </Empty>
        )
        : (
          <ul class="rows">
            {data.skills.map(({ name, description }) => (
              <li key={name} class="row">
                <span class="contact">
                  <strong>{name}</strong>
                  <span>{description ?? ""}</span>
                </span>
                <span class="buttons">
                  <Button
                    type="button"
                    class="bare"
                    isBusy={isBusy}
                    label={`Edit ${name}`}
                    onClick={() => open(name)}
                  >
                    Edit
                  </Button>
                  <Button
                    type="button"
                    class="bare"
                    isBusy={isBusy}
                    label={`Delete ${name}`}
                    onClick={() =>
                      void act(() =>
                        ask(`${path}/${encodeURIComponent(name)}`, { method: "DELETE" })
                      )
                        .then((done) => done && refresh())}
                  >
                    Delete
                  </Button>
                </span>
              </li>
            ))}
          </ul>
        )}
      <SkillForm
        key={edited?.name ?? ""}
        edited={edited}
        isBusy={isBusy}
        onSave={async (name, skill) => {
          const body = skill;
          const put = () => ask(`${path}/${encodeURIComponent(name)}`, { method: "PUT", body });
          if (!await act(put)) return false;
          setEdited(undefined);
          refresh();
          return true;
        }}
        onCancel={() => setEdited(undefined)}
      />
    </Section>
  );
}

function SkillForm({ edited, isBusy, onSave, onCancel }: {
  edited: Skill | undefined;
  isBusy: boolean;
  onSave: (name: string, skill: { body: string; description?: string }) => Promise<boolean>;
  onCancel: () => void;
}) {
  const first = useFocus<HTMLInputElement>(edited !== undefined);
  return (
    <form
      onSubmit={onFields(({ name = "", description = "", body = "" }) =>
        onSave(name, { body, ...(description === "" ? {} : { description }) })
      )}
    >
      <h3>{edited === undefined ? "Add a skill" : `Change ${edited.name}`}</h3>
      <Field label="Name" hint="Lower case, digits and -.">
        <input
          name="name"
          required
          pattern="[a-z0-9][a-z0-9\-]{0,63}"
          defaultValue={edited?.name ?? ""}
          readOnly={edited !== undefined}
        />
      </Field>
      <Field label="What it is for">
        <input name="description" defaultValue={edited?.description ?? ""} ref={first} />
      </Field>
      <Field label="Text">
        <textarea name="body" rows={6} required defaultValue={edited?.body ?? ""} />
      </Field>
      <div class="buttons">
        <Button isBusy={isBusy}>{edited === undefined ? "Add skill" : "Save skill"}</Button>
        {edited === undefined
          ? null
          : <button type="button" class="quiet" onClick={onCancel}>Cancel</button>}
      </div>
    </form>
  );
}
