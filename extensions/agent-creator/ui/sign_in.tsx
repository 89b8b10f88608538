/**
 * The door.
 *
 * @module
 */
/** @jsxImportSource preact */
import { ask } from "./api.ts";
import { fieldsOf, useAct } from "./hooks.ts";
import { Field, Problem } from "./parts.tsx";

/** Asks for the code. */
export function SignIn({ onSignedIn }: { onSignedIn: () => void }) {
  const { act, error, isBusy } = useAct();
  return (
    <main class="door">
      <h1>Agent creator</h1>
      <form
        class="card"
        onSubmit={(event) => {
          const { code = "" } = fieldsOf(event);
          void act(async () => {
            await ask("session", { method: "POST", body: { code } });
            onSignedIn();
          });
        }}
      >
        <Field
          label="Sign-in code"
          hint="The owner finds the first one in owner_sign_in.txt in this microapp's state directory."
        >
          <input name="code" type="password" autocomplete="current-password" required />
        </Field>
        <Problem text={error} />
        <button type="submit" disabled={isBusy}>Sign in</button>
      </form>
    </main>
  );
}
