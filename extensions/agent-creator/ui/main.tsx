/**
 * The page: who is signed in, and which of its parts is shown.
 *
 * @module
 */
/** @jsxImportSource preact */
import { render } from "preact";
import { ask } from "./api.ts";
import { AgentsPage } from "./agents.tsx";
import { DripsPage } from "./campaigns.tsx";
import { LeadsPage } from "./contacts.tsx";
import { CustomersPage } from "./customers.tsx";
import { EscalationsPage } from "./escalations.tsx";
import { useAnswer, usePlace } from "./hooks.ts";
import { InboxPage } from "./inbox.tsx";
import { live } from "./live.ts";
import { LostBanner, Problem, Waiting } from "./parts.tsx";
import { RecordPage } from "./record.tsx";
import { SetupPage } from "./setup.tsx";
import { SignIn } from "./sign_in.tsx";
import type { Me, User } from "./types.ts";

const PAGES = [
  ["inbox", "Inbox"],
  ["escalations", "Escalations"],
  ["contacts", "Contacts"],
  ["campaigns", "Campaigns"],
  ["agents", "Agents"],
  ["record", "Usage and audit"],
] as const;

function App() {
  const me = useAnswer<Me>("me");
  const [first, page = "inbox", agent, session] = usePlace();
  const account = me.data?.user.account_id ?? first;
  const isIn = me.data !== undefined && !me.isSignedOut && account !== undefined;
  live.follow(isIn ? { account, session: page === "inbox" ? session : undefined } : undefined);
  if (me.isSignedOut) return <SignIn onSignedIn={me.refresh} />;
  if (me.data === undefined) {
    return (
      <main class="door">
        <LostBanner />
        {me.error === undefined ? <Waiting /> : <Problem text={me.error} onRetry={me.refresh} />}
      </main>
    );
  }
  const { user, customer } = me.data;
  const isOwner = user.account_id === null;
  const pages = isOwner ? [...PAGES, ["setup", "Set up"] as const] : PAGES;
  return (
    <>
      <header class="top">
        <a class="brand" href="#/">{customer?.display_name ?? "Agent creator"}</a>
        {isOwner && account !== undefined
          ? (
            <span class="crumb">
              <a href="#/">Customers</a> / <strong>{account}</strong>
            </span>
          )
          : null}
        {account === undefined ? null : (
          <nav aria-label="Pages">
            {pages.map(([name, title]) => (
              <a
                key={name}
                href={`#/${account}/${name}`}
                aria-current={page === name && first !== undefined ? "page" : undefined}
                ref={page === name ? intoView : null}
              >
                {title}
              </a>
            ))}
          </nav>
        )}
        <span class="me">
          <span>{user.name}</span>
          <button
            type="button"
            class="bare"
            onClick={() => void ask("session", { method: "DELETE" }).then(me.refresh, me.refresh)}
          >
            Sign out
          </button>
        </span>
      </header>
      <main>
        <LostBanner />
        {account === undefined ? <CustomersPage /> : (
          <Page
            account={account}
            name={page}
            user={user}
            {...(agent && session ? { agent, session } : {})}
          />
        )}
      </main>
    </>
  );
}

/** On a small screen the pages are more than it shows. */
function intoView(link: HTMLElement | null): void {
  link?.scrollIntoView({ block: "nearest", inline: "center" });
}

function Page(
  { account, name, user, ...chosen }: {
    account: string;
    name: string;
    user: User;
    agent?: string;
    session?: string;
  },
) {
  switch (name) {
    case "setup":
      return <SetupPage account={account} />;
    case "escalations":
      return <EscalationsPage account={account} user={user} />;
    case "contacts":
      return <LeadsPage account={account} />;
    case "campaigns":
      return <DripsPage account={account} />;
    case "agents":
      return <AgentsPage account={account} />;
    case "record":
      return <RecordPage account={account} />;
    default:
      return <InboxPage account={account} user={user} {...chosen} />;
  }
}

const root = document.getElementById("app");
if (root === null) throw new TypeError("Cannot draw: the page has no place for the app");
render(<App />, root);
