/**
 * Signing in by a pasted token.
 *
 * @module
 */
import { useState } from "hono/jsx/dom";
import { ApiError } from "./api.ts";
import { Dialog } from "./dialog.tsx";
import { useServices } from "./services.ts";
import { TEXTS } from "./texts/mod.ts";
import { Command, PageHead } from "./ui.tsx";

/** Words a failed sign-in. */
export function signInProblem({ kind, message }: ApiError): string {
  if (kind === "signed_out") return TEXTS.signIn.bad;
  return kind === "unreachable" ? TEXTS.signIn.unreachable(message) : TEXTS.signIn.refused(message);
}

/** Words a link that did not work. */
export function linkProblem(error: ApiError): string {
  return error.kind === "signed_out" ? TEXTS.signIn.linkUsed : signInProblem(error);
}

/** The page for who is not signed in. */
export function SignInPage({ problem }: { problem: string | null }) {
  return (
    <main class="sign-in" id="content">
      <PageHead title={TEXTS.signIn.title} />
      <p>{TEXTS.signIn.intro}</p>
      <ol>
        <li>
          <p>{TEXTS.signIn.link}</p>
          <Command text={TEXTS.signIn.linkCommand} />
        </li>
        <li>
          <p>{TEXTS.signIn.token}</p>
          <Command text={TEXTS.signIn.tokenCommand} />
          <SignInForm problem={problem} />
        </li>
      </ol>
    </main>
  );
}

/** Over a page whose session has ended; the page below stays as it is. */
export function SignInAgain() {
  return (
    <Dialog title={TEXTS.ended.title}>
      <p>{TEXTS.ended.text}</p>
      <Command text={TEXTS.signIn.tokenCommand} />
      <SignInForm problem={null} />
    </Dialog>
  );
}

function SignInForm({ problem }: { problem: string | null }) {
  const { session } = useServices();
  const [own, tell] = useState<string | null>(null);
  const told = own ?? problem;
  const [isBusy, setBusy] = useState(false);

  async function submit(event: Event): Promise<void> {
    event.preventDefault();
    const field = (event.target as HTMLFormElement).elements.namedItem("token") as HTMLInputElement;
    const token = field.value.trim();
    field.focus();
    if (token === "") return tell(TEXTS.signIn.empty);
    setBusy(true);
    try {
      await session.signIn({ token });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      tell(signInProblem(error));
    } finally {
      setBusy(false);
    }
  }

  return (
    <form class="token-form" onSubmit={(event: Event) => void submit(event)}>
      <label class="field">
        <span>{TEXTS.signIn.field}</span>
        <input
          type="password"
          name="token"
          autocomplete="off"
          spellcheck={false}
          aria-invalid={told === null ? "false" : "true"}
          aria-describedby="sign-in-problem"
        />
      </label>
      <button type="submit" class="primary" disabled={isBusy}>
        {isBusy ? TEXTS.signIn.busy : TEXTS.signIn.submit}
      </button>
      <p id="sign-in-problem" class={told === null ? "" : "note bad"} role="alert">{told}</p>
    </form>
  );
}
