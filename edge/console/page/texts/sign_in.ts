/**
 * Getting in.
 *
 * @module
 */

/** The texts, by where they stand. */
export const SIGN_IN = {
  signIn: {
    title: "Sign in",
    intro: "The console is for operators. There are two ways in:",
    link: "A link that works once, from the machine the core runs on:",
    linkCommand: "npx nexo console",
    token: "Or an operator token, from anywhere:",
    tokenCommand: "npx nexo token create --scope operator",
    field: "Operator token",
    submit: "Sign in",
    busy: "Signing in",
    empty: "Paste a token first.",
    bad:
      "This token does not open the console. It may have expired, been revoked, or be for something else. Make a new one with npx nexo token create --scope operator.",
    linkUsed:
      "This link does not work any more: it was used already, or is older than 15 minutes. Make a new one with npx nexo console.",
    unreachable: (why: string) => `Signing in did not reach core: ${why}. Try again in a moment.`,
    refused: (why: string) => `Signing in was refused: ${why}.`,
    asking: "Looking who is signed in",
    edgeDown: "The edge does not answer. Trying again until it does.",
  },
  ended: {
    title: "Your session has ended",
    text: "Sign in again to go on. The page stays as it is, and nothing you typed is lost.",
  },
} as const;
