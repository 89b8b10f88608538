/**
 * What a tenant's agents are, what they used, and what was done in its name.
 *
 * @module
 */
/** @jsxImportSource preact */
import { ask } from "./api.ts";
import { fieldsOf, useAct, useAnswer } from "./hooks.ts";
import { Badge, Empty, Field, Problem, Section, Waiting, When } from "./parts.tsx";
import type { Agents, Audit, Skills, Usage } from "./types.ts";

/** Agents and skills, to be edited. */
export function AgentsPage({ account }: { account: string }) {
  const agents = useAnswer<Agents>(`tenants/${account}/agents`);
  const skills = useAnswer<Skills>(`tenants/${account}/skills`);
  const { act, isBusy, error } = useAct();
  return (
    <>
      <h1>Agents</h1>
      <Problem text={agents.error ?? skills.error ?? error} />
      {agents.data === undefined
        ? <Waiting />
        : agents.data.agents.map((agent) => (
          <Section key={agent.id} title={agent.id}>
            <form
              onSubmit={(event) => {
                const { provider = "", model = "", system_prompt = "", language = "" } = fieldsOf(
                  event,
                );
                const body = {
                  model: { provider, model },
                  system_prompt,
                  ...(language === "" ? {} : { language }),
                };
                void act(() =>
                  ask(`tenants/${account}/agents/${agent.id}`, { method: "PUT", body })
                )
                  .then((done) => done && agents.refresh());
              }}
            >
              <Field label="Provider">
                <input name="provider" defaultValue={agent.model.provider} required />
              </Field>
              <Field label="Model">
                <input name="model" defaultValue={agent.model.model} required />
              </Field>
              <Field label="Prompt">
                <textarea name="system_prompt" rows={5} defaultValue={agent.system_prompt} />
              </Field>
              <Field label="Language">
                <input name="language" defaultValue={agent.language ?? ""} />
              </Field>
              <button type="submit" disabled={isBusy}>Save</button>
            </form>
          </Section>
        ))}
      <Section title="Skills">
        {skills.data === undefined || skills.data.skills.length === 0
          ? <Empty>None yet. A skill is a text that tells agents how to do something.</Empty>
          : (
            <ul class="rows">
              {skills.data.skills.map(({ name, description }) => (
                <li key={name}>
                  <strong>{name}</strong> <span>{description ?? ""}</span>
                </li>
              ))}
            </ul>
          )}
        <form
          onSubmit={(event) => {
            const { name = "", description = "", body = "" } = fieldsOf(event);
            void act(() =>
              ask(`tenants/${account}/skills/${encodeURIComponent(name)}`, {
                method: "PUT",
                body: { body, ...(description === "" ? {} : { description }) },
              })
            ).then((done) => done && skills.refresh());
          }}
        >
          <Field label="Name">
            <input name="name" required pattern="[a-z0-9][a-z0-9\-]{0,63}" />
          </Field>
          <Field label="What it is for">
            <input name="description" />
          </Field>
          <Field label="Text">
            <textarea name="body" rows={4} required />
          </Field>
          <button type="submit" disabled={isBusy}>Save skill</button>
        </form>
      </Section>
    </>
  );
}

/** Tokens and money by day, and the admin calls of the tenant. */
export function RecordPage({ account }: { account: string }) {
  const usage = useAnswer<Usage>(`tenants/${account}/usage`);
  const audit = useAnswer<Audit>(`tenants/${account}/audit`);
  const most = Math.max(
    1,
    ...(usage.data?.usage.map((day) => day.tokens_in + day.tokens_out) ?? []),
  );
  return (
    <>
      <h1>Usage and audit</h1>
      <Problem text={usage.error ?? audit.error} />
      <Section title="Tokens in the last 30 days">
        {usage.data === undefined ? <Waiting /> : usage.data.usage.length === 0
          ? (
            <Empty>
              Nothing yet. Every answer of a model is counted here, by day.
            </Empty>
          )
          : (
            <table>
              <thead>
                <tr>
                  <th>Day</th>
                  <th>Calls</th>
                  <th>Tokens</th>
                  <th>US$</th>
                  <th>Share</th>
                </tr>
              </thead>
              <tbody>
                {usage.data.usage.map((day) => (
                  <tr key={day.day ?? ""}>
                    <td>{day.day}</td>
                    <td>{day.calls}</td>
                    <td>{day.tokens_in + day.tokens_out}</td>
                    <td>{(day.cost_micros / 1_000_000).toFixed(2)}</td>
                    <td>
                      <meter min={0} max={most} value={day.tokens_in + day.tokens_out}>
                        {day.tokens_in + day.tokens_out}
                      </meter>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          )}
      </Section>
      <Section title="What was done in this customer's name">
        {audit.data === undefined
          ? <Waiting />
          : audit.data.calls.length === 0
          ? <Empty>Nothing yet.</Empty>
          : (
            <table>
              <thead>
                <tr>
                  <th>When</th>
                  <th>Method</th>
                  <th>Result</th>
                </tr>
              </thead>
              <tbody>
                {audit.data.calls.map(({ method, started_at_ms, result, args_hash }) => (
                  <tr key={`${started_at_ms}/${args_hash}`}>
                    <td>
                      <When ms={started_at_ms} />
                    </td>
                    <td>{method.replace("nexo/admin/", "")}</td>
                    <td>
                      <Badge tone={result === "ok" ? "good" : "warn"}>{result}</Badge>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          )}
      </Section>
    </>
  );
}
