/**
 * What a tenant's agents did and cost, and what was done in its name.
 *
 * @module
 */
/** @jsxImportSource preact */
import { useAnswer } from "./hooks.ts";
import { Badge, Empty, Missing, Problem, Section, When } from "./parts.tsx";
import type { Audit, Turns, Usage } from "./types.ts";

const number = new Intl.NumberFormat();
const money = new Intl.NumberFormat(undefined, {
  style: "currency",
  currency: "USD",
  maximumFractionDigits: 4,
});

/** Tokens and money by day, the latest turns, and the admin calls of the tenant. */
export function RecordPage({ account }: { account: string }) {
  const usage = useAnswer<Usage>(`tenants/${account}/usage`);
  const turns = useAnswer<Turns>(`tenants/${account}/turns`);
  const audit = useAnswer<Audit>(`tenants/${account}/audit`);
  return (
    <>
      <h1>Usage and audit</h1>
      <Problem
        text={usage.error ?? turns.error ?? audit.error}
        onRetry={() => {
          for (const { refresh } of [usage, turns, audit]) refresh();
        }}
      />
      <Section title="Models in the last 30 days">
        {usage.data === undefined
          ? <Missing error={usage.error} />
          : usage.data.usage.length === 0
          ? <Empty>Nothing yet. Every answer of a model is counted here, by day.</Empty>
          : <UsageTable usage={usage.data.usage} />}
      </Section>
      <Section title="Latest turns">
        {turns.data === undefined
          ? <Missing error={turns.error} />
          : turns.data.turns.length === 0
          ? (
            <Empty>
              None yet. A turn is one time that an agent ran: for a message, an event or a timer.
            </Empty>
          )
          : (
            <div class="wide-table" tabIndex={0} role="group" aria-label="Latest turns">
              <table>
                <thead>
                  <tr>
                    <th>When</th>
                    <th>Agent</th>
                    <th>For</th>
                    <th class="num">Tools</th>
                    <th>Result</th>
                  </tr>
                </thead>
                <tbody>
                  {turns.data.turns.slice(0, 25).map((turn) => (
                    <tr key={turn.turn_id}>
                      <td>
                        <When ms={turn.finished_at_ms} />
                      </td>
                      <td>{turn.agent_id}</td>
                      <td>{turn.binding_id}</td>
                      <td class="num" data-title="tools">{turn.tool_calls}</td>
                      <td>
                        <Badge tone={turn.outcome === "ok" ? "good" : "warn"}>
                          {turn.outcome}
                        </Badge>
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )}
      </Section>
      <Section title="What was changed in this customer's name">
        {audit.data === undefined
          ? <Missing error={audit.error} />
          : audit.data.calls.length === 0
          ? (
            <Empty>
              Nothing yet. Each change and each takeover stays here, and cannot be edited.
            </Empty>
          )
          : <AuditTable calls={audit.data.calls} />}
      </Section>
    </>
  );
}

function UsageTable({ usage }: Usage) {
  const most = Math.max(1, ...usage.map((day) => day.tokens_in + day.tokens_out));
  return (
    <div class="wide-table" tabIndex={0} role="group" aria-label="Models in the last 30 days">
      <table>
        <thead>
          <tr>
            <th>Day</th>
            <th class="num">Calls</th>
            <th class="num">Tokens</th>
            <th class="num">Cost</th>
            <th>Share</th>
          </tr>
        </thead>
        <tbody>
          {usage.map((day) => (
            <tr key={day.day ?? ""}>
              <td>{day.day}</td>
              <td class="num" data-title="calls">{number.format(day.calls)}</td>
              <td class="num" data-title="tokens">
                {number.format(day.tokens_in + day.tokens_out)}
              </td>
              <td class="num" data-title="cost">{money.format(day.cost_micros / 1_000_000)}</td>
              <td>
                <meter
                  aria-label={`Tokens of ${day.day ?? ""}`}
                  min={0}
                  max={most}
                  value={day.tokens_in + day.tokens_out}
                />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function AuditTable({ calls }: Audit) {
  return (
    <div class="wide-table" tabIndex={0} role="group" aria-label="Admin calls">
      <table>
        <thead>
          <tr>
            <th>When</th>
            <th>Method</th>
            <th>Result</th>
          </tr>
        </thead>
        <tbody>
          {calls.map(({ method, started_at_ms, result, args_hash }) => (
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
    </div>
  );
}
