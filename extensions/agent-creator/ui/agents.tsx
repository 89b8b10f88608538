/**
 * A tenant's agents and what they have learned, to be edited.
 *
 * @module
 */
/** @jsxImportSource preact */
import { useState } from "preact/hooks";
import { ask } from "./api.ts";
import { onFields, useAct, useAnswer } from "./hooks.ts";
import { Badge, Button, Empty, Field, Missing, Problem, Section } from "./parts.tsx";
import type { Agent, Agents, Skill, Skills } from "./types.ts";

/** Agents and skills. */
export function AgentsPage({ account }: { account: string }) {
  const { data, error, refresh } = useAnswer<Agents>(`tenants/${account}/agents`, { still: true });
  return (
    <>
      <h1>Agents</h1>
      <Problem text={error} onRetry={refresh} />
      {data === undefined
        ? <Missing error={error} />
        : data.agents.length === 0
        ? <Empty>No agent yet. Its first one is made under Set up.</Empty>
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
  const save = async (change: Record<string, unknown>): Promise<boolean> => {
    setSaid(undefined);
    const body = { model: agent.model, ...change };
    const path = `tenants/${account}/agents/${encodeURIComponent(agent.id)}`;
    const done = await act(() => ask(path, { method: "PUT", body }));
    if (!done) return false;
    setSaid("Saved. It answers so from the next message on.");
    onDone();
    return true;
  };
  return (
    <Section title={agent.id}>
      <p>
        {agent.active
          ? <Badge tone="good">answers</Badge>
          : <Badge tone="warn">silent: people get no answer from it</Badge>}
      </p>
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
        {said === undefined ? null : <p role="status">{said}</p>}
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
    </Section>
  );
}

function SkillsPart({ account }: { account: string }) {
  const path = `tenants/${account}/skills`;
  const { data, error, refresh } = useAnswer<Skills>(path, { still: true });
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
              <li key={name} class="buttons">
                <span class="grow">
                  <strong>{name}</strong> {description ?? ""}
                </span>
                <Button type="button" class="quiet" isBusy={isBusy} onClick={() => open(name)}>
                  Edit {name}
                </Button>
                <Button
                  type="button"
                  class="quiet"
                  isBusy={isBusy}
                  onClick={() =>
                    void act(() => ask(`${path}/${encodeURIComponent(name)}`, { method: "DELETE" }))
                      .then((done) => done && refresh())}
                >
                  Delete {name}
                </Button>
              </li>
            ))}
          </ul>
        )}
      <form
        key={edited?.name ?? ""}
        onSubmit={onFields(async ({ name = "", description = "", body = "" }) => {
          const skill = { body, ...(description === "" ? {} : { description }) };
          const done = await act(() =>
            ask(`${path}/${encodeURIComponent(name)}`, { method: "PUT", body: skill })
          );
          if (!done) return false;
          setEdited(undefined);
          refresh();
          return true;
        })}
      >
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
          <input name="description" defaultValue={edited?.description ?? ""} />
        </Field>
        <Field label="Text">
          <textarea name="body" rows={6} required defaultValue={edited?.body ?? ""} />
        </Field>
        <Button isBusy={isBusy}>{edited === undefined ? "Add skill" : "Save skill"}</Button>
      </form>
    </Section>
  );
}
