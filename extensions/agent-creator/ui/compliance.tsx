/**
 * What happens to a message before an agent sees it, to be set for each agent.
 *
 * @module
 */
/** @jsxImportSource preact */
import { onFields } from "./hooks.ts";
import { Button, Check, Field } from "./parts.tsx";
import type { ComplianceSettings } from "./types.ts";

/** The settings as a form. */
export function ComplianceForm({ settings, isBusy, onSave }: {
  settings: ComplianceSettings;
  isBusy: boolean;
  onSave: (settings: ComplianceSettings) => Promise<boolean>;
}) {
  const { opt_out, anti_loop, anti_manipulation, pii, consent } = settings;
  return (
    <details>
      <summary>Rules for messages</summary>
      <p class="empty">
        They are kept before the agent sees a message, in this order; the first that stops it has
        the last word.
      </p>
      <form onSubmit={onFields((fields) => onSave(settingsOf(fields)), { keeps: true })}>
        <fieldset>
          <legend>Opting out</legend>
          <Check
            name="opt_out"
            label="Who writes STOP gets nothing more"
            hint="Until they write START."
            isOn={opt_out.enabled}
          />
          <Field label="Last words to them">
            <textarea name="reply" rows={2} maxlength={1_000} defaultValue={opt_out.reply} />
          </Field>
        </fieldset>
        <fieldset>
          <legend>Consent</legend>
          <Check
            name="consent"
            label="Answer only those who have opted in"
            hint="By writing START, or because you recorded it."
            isOn={consent.required}
          />
        </fieldset>
        <fieldset>
          <legend>Loops</legend>
          <Check
            name="anti_loop"
            label="Leave automatic replies and repetitions unanswered"
            isOn={anti_loop.enabled}
          />
          <div class="pair">
            <Field label="Equal messages that make a loop">
              <input
                name="repeats"
                type="number"
                min={2}
                max={100}
                required
                defaultValue={String(anti_loop.repeats)}
              />
            </Field>
            <Field label="Within seconds">
              <input
                name="window_secs"
                type="number"
                min={1}
                max={86_400}
                required
                defaultValue={String(anti_loop.window_secs)}
              />
            </Field>
          </div>
        </fieldset>
        <fieldset>
          <legend>Manipulation</legend>
          <Check
            name="anti_manipulation"
            label="Stop messages that try to make the agent somebody else"
            isOn={anti_manipulation.enabled}
          />
        </fieldset>
        <fieldset>
          <legend>Personal data</legend>
          <Check name="pii" label="Take out, before the model reads it:" isOn={pii.enabled} />
          <div class="checks inner">
            <Check name="cards" label="Card numbers" isOn={pii.cards} />
            <Check name="emails" label="Mail addresses" isOn={pii.emails} />
            <Check name="phones" label="Phone numbers" isOn={pii.phones} />
          </div>
        </fieldset>
        <Button isBusy={isBusy}>Save rules</Button>
      </form>
    </details>
  );
}

function settingsOf(fields: Record<string, string>): ComplianceSettings {
  const isOn = (name: string): boolean => fields[name] === "on";
  return {
    opt_out: { enabled: isOn("opt_out"), reply: fields["reply"] ?? "" },
    anti_loop: {
      enabled: isOn("anti_loop"),
      repeats: Number(fields["repeats"]),
      window_secs: Number(fields["window_secs"]),
    },
    anti_manipulation: { enabled: isOn("anti_manipulation") },
    pii: {
      enabled: isOn("pii"),
      cards: isOn("cards"),
      emails: isOn("emails"),
      phones: isOn("phones"),
    },
    consent: { required: isOn("consent") },
  };
}
