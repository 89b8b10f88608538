/**
 * The frame around the pages: where one is, what is connected, who is signed in.
 *
 * @module
 */
import { useEffect, useState } from "hono/jsx/dom";
import { AuditPage } from "./audit_page.tsx";
import { ChannelsPage } from "./channels_page.tsx";
import { ConnectionNote, ConnectionPill } from "./connection.tsx";
import { DeliveriesPage } from "./deliveries_page.tsx";
import { DeliveryPage } from "./delivery_page.tsx";
import { Dialog } from "./dialog.tsx";
import { EventsPage } from "./events_page.tsx";
import { HealthPage } from "./health_page.tsx";
import { HelpDialog } from "./help.tsx";
import { Icon, type IconName } from "./icons.tsx";
import { listenToKeys } from "./keys.ts";
import { LivePage } from "./live_page.tsx";
import { MicroappsPage } from "./microapps_page.tsx";
import { nextTheme } from "./preferences.ts";
import { type PageName, PAGES, pathTo } from "./router.ts";
import { useServices } from "./services.ts";
import { SignInAgain, SignInPage } from "./sign_in.tsx";
import { useStore } from "./store.ts";
import { TenantPage } from "./tenant_page.tsx";
import { TenantsPage } from "./tenants_page.tsx";
import { TEXTS } from "./texts/mod.ts";
import { TurnPage } from "./turn_page.tsx";
import { TurnsPage } from "./turns_page.tsx";
import { Empty, Link, Loading, PageHead } from "./ui.tsx";

/** Everything on the screen. */
export function App() {
  const services = useServices();
  const state = useStore(services.session.state);
  const [isHelpOpen, setHelpOpen] = useState(false);
  useEffect(() => listenToKeys({ ...services, showHelp: () => setHelpOpen(true) }), []);

  if (state.kind === "asking") return <Waiting text={TEXTS.signIn.asking} />;
  if (state.kind === "unreachable") return <Waiting text={TEXTS.signIn.edgeDown} />;
  if (state.kind === "out") return <SignInPage problem={state.problem} />;
  return (
    <div class="frame">
      <a class="skip" href="#content">{TEXTS.skip}</a>
      <Sidebar subject={state.subject} onHelp={() => setHelpOpen(true)} />
      <main id="content" tabindex={-1}>
        <ConnectionNote />
        <CurrentPage />
      </main>
      {isHelpOpen ? <HelpDialog onClose={() => setHelpOpen(false)} /> : null}
      {state.kind === "ended" ? <SignInAgain /> : null}
    </div>
  );
}

function Waiting({ text }: { text: string }) {
  return (
    <main class="sign-in" id="content">
      <h1>{TEXTS.product}</h1>
      <Loading label={text} />
    </main>
  );
}

function CurrentPage() {
  const { router } = useServices();
  const { page, id } = useStore(router.route);
  switch (page) {
    case "live":
      return <LivePage />;
    case "deliveries":
      return id === undefined ? <DeliveriesPage /> : <DeliveryPage key={id} envelopeId={id} />;
    case "turns":
      return id === undefined ? <TurnsPage /> : <TurnPage key={id} turnId={id} />;
    case "tenants":
      return id === undefined ? <TenantsPage /> : <TenantPage key={id} account={id} />;
    case "channels":
      return <ChannelsPage />;
    case "microapps":
      return <MicroappsPage />;
    case "events":
      return <EventsPage />;
    case "audit":
      return <AuditPage />;
    case "health":
      return <HealthPage />;
    case undefined:
      return (
        <>
          <PageHead title={TEXTS.notFound.title} />
          <Empty title={TEXTS.notFound.text}>
            <Link to={pathTo("live")}>{TEXTS.notFound.back}</Link>
          </Empty>
        </>
      );
  }
}

const PAGE_ICONS: Readonly<Record<PageName, IconName>> = {
  live: "pulse",
  deliveries: "inbox",
  turns: "turns",
  tenants: "people",
  channels: "send",
  microapps: "blocks",
  events: "list",
  audit: "shield",
  health: "heart",
};

/** Pages that a narrow screen has room for; the others are behind one more button. */
const MAIN_PAGES: readonly PageName[] = ["live", "deliveries", "turns", "tenants"];

function Sidebar({ subject, onHelp }: { subject: string; onHelp: () => void }) {
  const { router } = useServices();
  const { page } = useStore(router.route);
  return (
    <header class="sidebar">
      <div class="brand">
        <Icon name="logo" />
        <span>nexo</span>
      </div>
      <nav aria-label={TEXTS.nav}>
        {PAGES.map((name) => (
          <NavLink
            key={name}
            name={name}
            isCurrent={name === page}
            className={MAIN_PAGES.includes(name) ? "" : "minor"}
          />
        ))}
        <MorePages page={page} />
      </nav>
      <div class="tools">
        <ConnectionPill />
        <Tools subject={subject} onHelp={onHelp} />
      </div>
    </header>
  );
}

function NavLink(
  { name, isCurrent, className }: { name: PageName; isCurrent: boolean; className: string },
) {
  return (
    <Link
      to={pathTo(name)}
      class={`nav ${className}`}
      aria-current={isCurrent ? "page" : undefined}
    >
      <Icon name={PAGE_ICONS[name]} />
      <span>{TEXTS.pages[name]}</span>
    </Link>
  );
}

/** On narrow screens only. */
function MorePages({ page }: { page: PageName | undefined }) {
  const [isOpen, setOpen] = useState(false);
  useEffect(() => setOpen(false), [page]);
  const minor = PAGES.filter((name) => !MAIN_PAGES.includes(name));
  const isHere = page !== undefined && minor.includes(page);
  return (
    <>
      <button
        type="button"
        class={`nav more-pages${isHere ? " here" : ""}`}
        aria-haspopup="dialog"
        onClick={() => setOpen(true)}
      >
        <Icon name="more" />
        <span>{isHere ? TEXTS.pages[page] : TEXTS.more}</span>
      </button>
      {!isOpen ? null : (
        <Dialog title={TEXTS.morePages} onClose={() => setOpen(false)}>
          <ul class="page-list">
            {minor.map((name) => (
              <li key={name}>
                <NavLink name={name} isCurrent={name === page} className="" />
              </li>
            ))}
          </ul>
          <div class="buttons">
            <button type="button" onClick={() => setOpen(false)}>{TEXTS.close}</button>
          </div>
        </Dialog>
      )}
    </>
  );
}

function Tools({ subject, onHelp }: { subject: string; onHelp: () => void }) {
  const { preferences, session } = useServices();
  const theme = useStore(preferences.theme);
  const [hasFailed, setFailed] = useState(false);
  async function signOut(): Promise<void> {
    setFailed(false);
    try {
      await session.signOut();
    } catch {
      // Why does not matter: what to do about it is the same.
      setFailed(true);
    }
  }
  return (
    <>
      <div class="tool-row">
        <button
          type="button"
          class="icon"
          title={TEXTS.theme[theme]}
          aria-label={TEXTS.theme[theme]}
          onClick={() => preferences.theme.set(nextTheme(theme))}
        >
          <Icon name={theme === "system" ? "system" : theme === "light" ? "sun" : "moon"} />
        </button>
        <button
          type="button"
          class="icon"
          title={TEXTS.help.open}
          aria-label={TEXTS.help.open}
          onClick={onHelp}
        >
          <Icon name="keyboard" />
        </button>
        <button
          type="button"
          class="icon"
          title={`${TEXTS.account.signOut} (${TEXTS.account.signedInAs(subject)})`}
          aria-label={TEXTS.account.signOut}
          onClick={() => void signOut()}
        >
          <Icon name="leave" />
        </button>
      </div>
      <p class="who">{TEXTS.account.signedInAs(subject)}</p>
      {hasFailed ? <p class="note bad" role="alert">{TEXTS.account.signOutFailed}</p> : null}
    </>
  );
}
