/**
 * The door.
 *
 * @module
 */
/** @jsxImportSource preact */
import { ask } from "./api.ts";
import { onFields, useAct } from "./hooks.ts";
import { Button, Field, LostBanner, Problem } from "./parts.tsx";

/** Asks for the code. */
export function SignIn({ onSignedIn }: { onSignedIn: () => void }) {
  const { act, error, isBusy } = useAct();
  return (
    <main class="door">
      <h1>Agent creator</h1>
      <LostBanner />
      <form
        class="card"
        onSubmit={onFields(({ code = "" }) =>
          act(async () => {
            await ask("session", { method: "POST", body: { code } });
            onSignedIn();
          })
        )}
      >
        <Field
          label="Sign-in code"
          hint="You got it when you were invited. The owner's lies in owner_sign_in.txt; nexo ext state-dir says where."
        >
          <input name="code" type="password" autocomplete="current-password" required />
        </Field>
        <Problem text={error} />
        <Button isBusy={isBusy}>Sign in</Button>
      </form>
    </main>
  );
}
