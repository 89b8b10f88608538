/**
 * The microapps: how they are, what they may do, and a restart.
 *
 * @module
 */
import type { MicroappView } from "../../../core/contract/views/microapps.ts";
import { ConfirmButton } from "./dialog.tsx";
import { useQuery } from "./query.ts";
import { useServices } from "./services.ts";
import { TEXTS } from "./texts/mod.ts";
import { TilePage } from "./tile_page.tsx";
import { Badge, Facts } from "./ui.tsx";

const T = TEXTS.microapps;

/** The microapps page. */
export function MicroappsPage() {
  const { api } = useServices();
  const query = useQuery({
    key: "microapps",
    ask: async (signal) =>
      (await api.call<{ microapps: MicroappView[] }>("ext/status", {}, signal)).microapps,
    changedBy: ["microapp_state"],
  });
  return (
    <TilePage
      title={TEXTS.pages.microapps}
      texts={T}
      query={query}
      show={(microapp) => (
        <Microapp key={microapp.id} microapp={microapp} onRestarted={query.refresh} />
      )}
    />
  );
}

function Microapp(
  { microapp, onRestarted }: { microapp: MicroappView; onRestarted: () => void },
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
