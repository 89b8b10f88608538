/**
 * What agents passed on to people.
 *
 * @module
 */
/** @jsxImportSource preact */
import { ask } from "./api.ts";
import { fieldsOf, useAct, useAnswer } from "./hooks.ts";
import { Badge, Empty, Field, Problem, Section, Waiting, When } from "./parts.tsx";
import type { Escalations } from "./types.ts";

/** The queue, newest first. */
export function EscalationsPage({ account }: { account: string }) {
  const { data, error, refresh } = useAnswer<Escalations>(`tenants/${account}/escalations`);
  const { act, isBusy, error: failed } = useAct();
  return (
    <>
      <h1>Escalations</h1>
      <Problem text={error ?? failed} />
      <Section title="Waiting for a person">
        {data === undefined ? <Waiting /> : data.entries.length === 0
          ? (
            <Empty>
              Nothing waits. An agent with the tool escalate_to_human puts its questions here.
            </Empty>
          )
          : (
            <ul class="rows">
              {data.entries.map(({ scope, state, agent_id }) => {
                if (state.state !== "pending" || scope.kind !== "conversation") return null;
                const { channel, contact_id } = scope;
                return (
                  <li key={`${channel}/${contact_id}`}>
                    <strong>{contact_id}</strong> <span>{channel}</span>
                    <Badge tone={state.urgency === "high" ? "warn" : "plain"}>
                      {state.urgency}
                    </Badge>
                    <When ms={state.requested_at_ms} />
                    <p>{state.summary}</p>
                    <form
                      class="inline"
                      onSubmit={(event) => {
                        const { dismiss_reason } = fieldsOf(event);
                        void act(() =>
                          ask(`tenants/${account}/escalations/resolve`, {
                            method: "POST",
                            body: {
                              agent_id,
                              channel,
                              contact_id,
                              by: "dismissed",
                              dismiss_reason,
                            },
                          })
                        ).then((done) => done && refresh());
                      }}
                    >
                      <Field label="Why nothing is to be done">
                        <input name="dismiss_reason" required maxlength={500} />
                      </Field>
                      <button type="submit" class="quiet" disabled={isBusy}>Dismiss</button>
                      <a href={`#/${account}/inbox`}>Take it over in the inbox</a>
                    </form>
                  </li>
                );
              })}
            </ul>
          )}
      </Section>
    </>
  );
}
