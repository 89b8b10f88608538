/**
 * Who did what: admin calls, and whether the chains they are kept in still hold.
 *
 * @module
 */
import { useEffect, useState } from "hono/jsx/dom";
import type {
  AuditCursor,
  ChainView,
  OperatorAuditView,
} from "../../../core/contract/views/audit.ts";
import { ApiError } from "./api.ts";
import { ChoiceFilter, Filters, TextFilter } from "./filters.tsx";
import { showDuration, showNumber } from "./format.ts";
import { useServices } from "./services.ts";
import { useStore } from "./store.ts";
import { type Column, PagedTable, Table } from "./table.tsx";
import { TEXTS } from "./texts/mod.ts";
import { Badge, Empty, Failure, Id, Loading, PageHead, Time } from "./ui.tsx";

const PAGE_ROWS = 50;
const RESULTS = ["ok", "error", "denied", "unknown"];
const T = TEXTS.audit;

const columns: readonly Column<OperatorAuditView>[] = [
  { title: T.method, show: (row) => <code>{row.method}</code> },
  { title: T.at, show: (row) => <Time atMs={row.started_at_ms} /> },
  { title: T.who, show: (row) => row.subject ?? row.microapp_id },
  { title: T.tenant, show: (row) => row.tenant_id ?? "–" },
  { title: T.result, show: (row) => <Badge state={row.result} /> },
  {
    title: T.took,
    show: (row) => row.duration_ms === null ? "–" : showDuration(row.duration_ms),
    isNumber: true,
  },
  { title: T.args, show: (row) => <Id id={row.args_hash} /> },
];

/** The audit page. */
export function AuditPage() {
  const { api, router } = useServices();
  const { tenant = "", method = "", microapp = "", result = "" } = useStore(router.route).query;
  return (
    <>
      <PageHead title={TEXTS.pages.audit} intro={T.intro} />
      <Verification account={tenant} />
      <Filters>
        <TextFilter name="method" label={T.method} hint={T.methodHint} isFirst />
        <TextFilter name="microapp" label={T.microapp} />
        <TextFilter name="tenant" label={TEXTS.filters.tenant} />
        <ChoiceFilter name="result" label={T.result} values={RESULTS} words={TEXTS.states} />
      </Filters>
      <PagedTable<OperatorAuditView, AuditCursor>
        label={TEXTS.pages.audit}
        columns={columns}
        listKey={`audit ${tenant} ${method} ${microapp} ${result}`}
        idOf={(row) => row.id}
        load={async (cursor, signal) => {
          const page = await api.call<{ rows: OperatorAuditView[]; cursor: AuditCursor | null }>(
            "audit/tail",
            {
              tenant: tenant || null,
              method: method || null,
              microapp_id: microapp || null,
              result: RESULTS.includes(result) ? result : null,
              cursor: cursor ?? null,
              limit: PAGE_ROWS,
            },
            signal,
          );
          return { rows: page.rows, next: page.cursor ?? undefined };
        }}
        empty={<Empty title={T.emptyTitle} />}
      />
    </>
  );
}

type Check =
  | { readonly kind: "idle" }
  | { readonly kind: "running" }
  | { readonly kind: "done"; readonly chains: readonly ChainView[]; readonly atMs: number }
  | { readonly kind: "failed"; readonly error: ApiError };

/** Walks every chain, of one tenant when the list is about one. */
function Verification({ account }: { account: string }) {
  const { api } = useServices();
  const [check, setCheck] = useState<Check>({ kind: "idle" });
  async function verify(): Promise<void> {
    setCheck({ kind: "running" });
    try {
      const { chains } = await api.call<{ chains: ChainView[] }>("audit/verify", {
        account: account || null,
      });
      setCheck({ kind: "done", chains, atMs: Date.now() });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setCheck({ kind: "failed", error });
    }
  }
  return (
    <section class="panel stretch">
      <div class="row">
        <div>
          <h2>{T.chains}</h2>
          <p class="muted">{account === "" ? T.chainsHint : T.chainsOf(account)}</p>
        </div>
        <button
          type="button"
          class="primary"
          disabled={check.kind === "running"}
          onClick={() => void verify()}
        >
          {check.kind === "running" ? T.verifying : T.verify}
        </button>
      </div>
      <div role="status">
        {check.kind === "running" ? <Progress /> : null}
        {check.kind === "done" ? <Verdict chains={check.chains} atMs={check.atMs} /> : null}
      </div>
      {check.kind === "failed"
        ? <Failure error={check.error} onRetry={() => void verify()} />
        : null}
      {check.kind === "done"
        ? (
          <details open={check.chains.some(({ ok }) => !ok)}>
            <summary>{T.perChain}</summary>
            <Table<ChainView>
              label={T.chains}
              columns={chainColumns}
              rows={check.chains}
              idOf={(row) => `${row.account} ${row.table}`}
            />
          </details>
        )
        : null}
    </section>
  );
}

const chainColumns: readonly Column<ChainView>[] = [
  { title: T.tenant, show: (row) => row.account === "_" ? T.ofNobody : row.account },
  { title: T.chain, show: (row) => T.tables[row.table] ?? row.table },
  { title: T.rows, show: (row) => showNumber(row.rows), isNumber: true },
  { title: T.result, show: (row) => <Badge state={row.ok ? "holds" : "broken"} /> },
  {
    title: T.problems,
    show: (row) =>
      row.problems.length === 0
        ? "–"
        : row.problems.slice(0, 5).map(({ offset, problem }) => (
          <p key={`${offset} ${problem}`}>{T.problemAt(offset, problem)}</p>
        )),
  },
];

function Verdict({ chains, atMs }: { chains: readonly ChainView[]; atMs: number }) {
  const broken = chains.filter(({ ok }) => !ok).length;
  const rows = chains.reduce((sum, chain) => sum + chain.rows, 0);
  return (
    <p class={`note ${broken === 0 ? "good" : "bad"}`}>
      {broken === 0 ? T.allHold(chains.length, showNumber(rows)) : T.someBroken(broken)}{" "}
      <Time atMs={atMs} />
    </p>
  );
}

const LOOK_MS = 500;

function Progress() {
  const { api } = useServices();
  const [rows, setRows] = useState(0);
  useEffect(() => {
    const stop = new AbortController();
    const timer = setInterval(() => {
      // How far it is is only told; whether it fails, the call itself says.
      api.call<{ rows: number }>("audit/progress", {}, stop.signal)
        .then((said) => setRows(said.rows), () => undefined);
    }, LOOK_MS);
    return () => {
      stop.abort();
      clearInterval(timer);
    };
  }, []);
  return <Loading label={T.walked(showNumber(rows))} />;
}
