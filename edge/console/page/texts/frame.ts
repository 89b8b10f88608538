/**
 * What stands around the pages, and on several of them.
 *
 * @module
 */

/** The texts, by where they stand. */
export const FRAME = {
  product: "nexo console",
  skip: "Skip to content",
  pages: {
    live: "Live",
    deliveries: "Deliveries",
    turns: "Turns",
    tenants: "Tenants",
    channels: "Channels",
    microapps: "Microapps",
    events: "Events",
    audit: "Audit",
    health: "Health",
  },
  nav: "Pages",
  more: "More",
  morePages: "More pages",
  notFound: {
    title: "Nothing is here",
    text: "This address leads to no page of the console.",
    back: "Go to the live page",
  },
  connection: {
    open: "Live",
    connecting: "Connecting",
    waiting: (secs: number) => `Reconnecting in ${secs} s`,
    closed: "Not connected",
    retry: "Try now",
    lost:
      "The connection to the edge is lost. What you see is how things were; what happens meanwhile will be shown once it is back.",
  },
  account: {
    signedInAs: (subject: string) => `Signed in as ${subject}`,
    signOut: "Sign out",
    signOutFailed: "Signing out did not reach core, so you are still signed in. Try again.",
  },
  theme: {
    system: "Colours: system",
    light: "Colours: light",
    dark: "Colours: dark",
  },
  loading: "Loading",
  tryAgain: "Try again",
  failed: {
    unreachable: (why: string) => `${why}. Trying again until core answers.`,
    refused: (why: string) => why,
    signed_out: () => "Your session has ended.",
  },
  older: "Show older",
  further: "Show more",
  end: "That is all.",
  copy: "Copy",
  copied: "Copied",
  cancel: "Cancel",
  close: "Close",
  filters: {
    label: "Filters",
    text: "Filter",
    textHint: "Source, kind, tool or text",
    tenant: "Tenant",
    agent: "Agent",
    source: "Source",
    state: "State",
    outcome: "Outcome",
    all: "All",
    clear: "Clear filters",
  },
  help: {
    title: "Keyboard",
    open: "Keyboard help",
    enabled: "Single-key shortcuts",
    on: "On",
    off: "Off",
    goTo: (page: string) => `Go to ${page}`,
    filter: "Filter",
    next: "Next row",
    previous: "Previous row",
    pause: "Pause or resume the live page",
    theme: "Change colours",
    help: "This help",
  },
} as const;
