/**
 * How everything is: what doctor finds, the config in force with its problems, and the switches.
 *
 * @module
 */
import { useState } from "hono/jsx/dom";
import type { ConfigOverview, ConfigProblemView } from "../../../core/contract/views/config.ts";
import type { AreaFinding, ToggleView } from "../../../core/contract/views/health.ts";
import { ConfirmButton } from "./dialog.tsx";
import { useQuery } from "./query.ts";
import { useServices } from "./services.ts";
import { type Column, Table } from "./table.tsx";
import { TEXTS } from "./texts/mod.ts";
import { Badge, Facts, Failure, Loading, PageHead } from "./ui.tsx";

const T = TEXTS.health;

interface Known {
  readonly findings: readonly AreaFinding[];
  readonly config: ConfigOverview;
  readonly toggles: readonly ToggleView[];
}

/** The health page. */
export function HealthPage() {
  const { api } = useServices();
  const { data, error, refresh } = useQuery<Known>({
    key: "health",
    changedBy: ["config_applied", "microapp_state", "source_health"],
    async ask(signal) {
      const [{ findings }, config, { capabilities }] = await Promise.all([
        api.call<{ findings: AreaFinding[] }>("doctor", {}, signal),
        api.call<ConfigOverview>("config/overview", {}, signal),
        api.call<{ capabilities: ToggleView[] }>("doctor/capabilities", {}, signal),
      ]);
      return { findings, config, toggles: capabilities };
    },
  });
  return (
    <>
      <PageHead title={TEXTS.pages.health} intro={T.intro}>
        <button type="button" onClick={refresh}>{T.again}</button>
      </PageHead>
      {error === undefined ? null : <Failure error={error} onRetry={refresh} />}
      {data === undefined ? error === undefined ? <Loading /> : null : (
        <>
          <Findings findings={data.findings} />
          <Config config={data.config} onReloaded={refresh} />
          <section>
            <h2>{T.switches}</h2>
            <Table<ToggleView>
              label={T.switches}
              columns={toggleColumns}
              rows={data.toggles}
              idOf={(row) => `${row.extension} ${row.env_var}`}
            />
          </section>
        </>
      )}
    </>
  );
}

const LEVELS = ["error", "warning", "ok"] as const;

function Findings({ findings }: { findings: readonly AreaFinding[] }) {
  const count = (level: string): number => findings.filter((one) => one.level === level).length;
  const [errors, warnings] = [count("error"), count("warning")];
  const sorted = LEVELS.flatMap((level) => findings.filter((one) => one.level === level));
  return (
    <section>
      <p class={`note ${errors > 0 ? "bad" : warnings > 0 ? "warn" : "good"}`} role="status">
        {errors > 0 || warnings > 0 ? T.troubled(errors, warnings) : T.allWell(findings.length)}
      </p>
      <Table<AreaFinding>
        label={T.findings}
        columns={findingColumns}
        rows={sorted}
        idOf={(row) => `${row.area} ${row.subject} ${row.message}`}
      />
    </section>
  );
}

const findingColumns: readonly Column<AreaFinding>[] = [
  { title: T.subject, show: (row) => row.subject },
  { title: T.area, show: (row) => T.areas[row.area] ?? row.area },
  { title: T.level, show: (row) => <Badge state={row.level} /> },
  {
    title: T.finding,
    show: (row) => (
      <span class="told">
        {row.message}
        {row.fix === null ? null : <span class="fix">{row.fix}</span>}
      </span>
    ),
  },
];

function Config({ config, onReloaded }: { config: ConfigOverview; onReloaded: () => void }) {
  const { api } = useServices();
  const [version, setVersion] = useState<number | undefined>(undefined);
  async function reload(): Promise<void> {
    const answer = await api.call<{ version: number }>("reload", {});
    setVersion(answer.version);
    onReloaded();
  }
  return (
    <section>
      <div class="row">
        <h2>{T.config}</h2>
        <ConfirmButton
          label={T.reload}
          title={T.reloadTitle}
          text={T.reloadText}
          busy={T.reloading}
          act={reload}
        />
      </div>
      <div role="status">
        {version === undefined ? null : <p class="note good">{T.reloaded(version)}</p>}
      </div>
      <Facts
        items={[
          [T.version, config.version],
          [T.dir, <code>{config.dir}</code>],
          [T.reloads, T.reloadCounts(config.reloads.applied, config.reloads.rejected)],
        ]}
      />
      {config.refused === null ? null : (
        <>
          <p class="note bad">{T.refused}</p>
          <Problems label={T.refusedProblems} problems={config.refused} dir={config.dir} />
        </>
      )}
      {config.problems.length === 0
        ? config.refused === null ? <p class="note good">{T.noProblems}</p> : null
        : <Problems label={T.problems} problems={config.problems} dir={config.dir} />}
    </section>
  );
}

function Problems(
  { label, problems, dir }: { label: string; problems: readonly ConfigProblemView[]; dir: string },
) {
  const columns: readonly Column<ConfigProblemView>[] = [
    {
      title: T.place,
      show: ({ file, line, column }) => (
        <code>{`${file.replace(`${dir}/`, "")}:${line}:${column}`}</code>
      ),
    },
    { title: T.level, show: ({ severity }) => <Badge state={severity} /> },
    {
      title: T.finding,
      show: ({ message, fix }) => (
        <span class="told">
          {message}
          <span class="fix">{fix}</span>
        </span>
      ),
    },
  ];
  return (
    <Table<ConfigProblemView>
      label={label}
      columns={columns}
      rows={problems}
      idOf={(row) => `${row.file}:${row.line}:${row.column} ${row.message}`}
    />
  );
}

const toggleColumns: readonly Column<ToggleView>[] = [
  { title: T.variable, show: (row) => <code>{row.env_var}</code> },
  { title: T.reader, show: (row) => row.extension },
  { title: T.state, show: (row) => <Badge state={row.state} /> },
  { title: T.value, show: (row) => row.value === null ? "–" : String(row.value), isNumber: true },
  { title: T.effect, show: (row) => row.effect },
];
