/**
 * The microapps: how they are, what they may do, and a restart.
 *
 * @module
 */
import { ConfirmButton } from "./dialog.tsx";
import { useQuery } from "./query.ts";
import { useServices } from "./services.ts";
import { TEXTS } from "./texts.ts";
import type { MicroappRow } from "./types.ts";
import { Badge, Command, Empty, Facts, Failure, Loading, PageHead } from "./ui.tsx";

const T = TEXTS.microapps;

/** The microapps page. */
export function MicroappsPage() {
  const { api } = useServices();
  const { data, error, refresh } = useQuery({
    key: "microapps",
    ask: (signal) => api.call<{ microapps: MicroappRow[] }>("ext/status", {}, signal),
    changedBy: ["microapp_state"],
  });
  return (
    <>
      <PageHead title={TEXTS.pages.microapps} intro={T.intro} />
      {error === undefined ? null : <Failure error={error} onRetry={refresh} />}
      {data === undefined && error === undefined ? <Loading /> : null}
      {data?.microapps.length === 0
        ? (
          <Empty title={T.emptyTitle}>
            <p>{T.empty}</p>
            <Command text={T.emptyCommand} />
          </Empty>
        )
        : null}
      <div class="tiles">
        {data?.microapps.map((microapp) => (
          <Microapp key={microapp.id} microapp={microapp} onRestarted={refresh} />
        ))}
      </div>
    </>
  );
}

function Microapp(
  { microapp, onRestarted }: { microapp: MicroappRow; onRestarted: () => void },
) {
  const { api } = useServices();
  const { id, state, reason, stderr } = microapp;
  async function restart(): Promise<void> {
    await api.call("ext/restart", { id });
    onRestarted();
  }
  return (
    <article class="panel tile" data-microapp={id}>
      <header>
        <div>
          <h2>{id}</h2>
          <p class="muted">{T.version(microapp.version)}</p>
        </div>
        <Badge state={state} />
      </header>
      {reason === null ? null : <p class="note bad">{reason}</p>}
      <Facts
        items={[
          [T.pid, microapp.pid ?? "–"],
          [T.restarts, microapp.restarts],
          [T.sandbox, microapp.sandbox ?? "–"],
          microapp.http === null ? null : [
            T.http,
            <>
              <Badge state={microapp.http.state} /> {microapp.http.reason ?? microapp.http.url}
            </>,
          ],
          microapp.sandbox_notes.length === 0
            ? null
            : [T.sandboxNotes, microapp.sandbox_notes.join(" ")],
          [T.tools, <Names names={microapp.tools.map(({ name }) => name)} />],
          [T.hooks, <Names names={microapp.hooks} />],
          [T.grants, <Names names={microapp.grants} />],
        ]}
      />
      <h3>{T.stderrTitle}</h3>
      {stderr.length === 0
        ? <p class="muted">{T.quiet}</p>
        : (
          <pre class="json" tabindex={0} role="region" aria-label={T.stderr(id)}>
          {stderr.join("\n")}
          </pre>
        )}
      <div class="buttons">
        <ConfirmButton
          label={T.restart}
          title={T.restartTitle(id)}
          text={T.restartText}
          busy={T.restarting}
          act={restart}
        />
      </div>
    </article>
  );
}

function Names({ names }: { names: readonly string[] }) {
  if (names.length === 0) return <span class="muted">{T.none}</span>;
  return (
    <ul class="names">
      {names.map((name) => (
        <li key={name}>
          <code>{name}</code>
        </li>
      ))}
    </ul>
  );
}
