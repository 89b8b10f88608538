/**
 * The owner's list of customers, and the form for another.
 *
 * @module
 */
/** @jsxImportSource preact */
import { ask } from "./api.ts";
import { onFields, useAct, useAnswer } from "./hooks.ts";
import { Badge, Button, Empty, Field, Missing, Problem, Section, When } from "./parts.tsx";
import type { Customer } from "./types.ts";

/** All customers, and the form for another. */
export function CustomersPage() {
  const { data, error, refresh } = useAnswer<{ tenants: Customer[] }>("tenants");
  const { act, isBusy, error: failed } = useAct();
  return (
    <>
      <h1>Customers</h1>
      <Problem text={error} onRetry={refresh} />
      <Section title="All customers">
        {data === undefined
          ? <Missing error={error} />
          : data.tenants.length === 0
          ? <Empty>No customers yet. Add the first one below; it takes a minute.</Empty>
          : (
            <ul class="rows links">
              {data.tenants.map((tenant) => (
                <li key={tenant.account_id}>
                  <a href={`#/${tenant.account_id}/${tenant.step === "done" ? "inbox" : "setup"}`}>
                    <span class="line">
                      <span class="contact">
                        <strong>{tenant.display_name}</strong>
                        <span>{tenant.account_id}</span>
                      </span>
                      <When ms={tenant.created_at_ms} />
                    </span>
                    <span class="marks">
                      {tenant.step === "done"
                        ? <Badge tone="good">live</Badge>
                        : <Badge tone="warn">to be set up: {nextStep(tenant)}</Badge>}
                    </span>
                  </a>
                </li>
              ))}
            </ul>
          )}
      </Section>
      <Section title="Add a customer">
        <form
          onSubmit={onFields(async (body) => {
            const done = await act(() => ask("tenants", { method: "POST", body }));
            if (!done) return false;
            refresh();
            location.hash = `#/${body["account_id"] ?? ""}/setup`;
            return true;
          })}
        >
          <Field label="Name">
            <input name="display_name" required maxlength={128} />
          </Field>
          <Field label="Id" hint="Lower case, digits and -; it never changes.">
            <input name="account_id" required pattern="[a-z0-9][a-z0-9\-]{0,63}" />
          </Field>
          <Problem text={failed} />
          <Button isBusy={isBusy}>Add</Button>
        </form>
      </Section>
    </>
  );
}

/** What its onboarding waits for. */
function nextStep({ agent_id, channel, challenge_id }: Customer): string {
  if (agent_id === null) return "its agent is next";
  if (channel === null) return "how people reach it is next";
  return challenge_id === null ? "a first person is next" : "its people are next";
}
