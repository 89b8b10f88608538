/**
 * Dialogs: questions before acts, and help.
 *
 * @module
 */
import { type PropsWithChildren, useEffect, useRef, useState } from "hono/jsx/dom";
import { ApiError } from "./api.ts";
import { TEXTS } from "./texts/mod.ts";
import { Failure } from "./ui.tsx";

/** A modal dialog; `onClose` hears of every way it is closed. */
export function Dialog(
  { title, onClose, children }: PropsWithChildren<
    { title: string; onClose?: (() => void) | undefined }
  >,
) {
  const element = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = element.current;
    if (dialog === null) return undefined;
    // Escape asks first; a dialog that cannot be closed stays.
    const onCancel = (event: Event): void => {
      event.preventDefault();
      onClose?.();
    };
    dialog.addEventListener("cancel", onCancel);
    dialog.showModal();
    return () => {
      dialog.removeEventListener("cancel", onCancel);
      dialog.close();
    };
  }, []);
  return (
    <dialog ref={element} aria-labelledby="dialog-title">
      <h2 id="dialog-title">{title}</h2>
      {children}
    </dialog>
  );
}

/** A button that asks before it acts, shows that it acts, and says what went wrong. */
export function ConfirmButton(
  { label, title, text, busy, act, className = "" }: {
    label: string;
    title: string;
    text: string;
    /** What is said while it acts. */
    busy: string;
    act: () => Promise<void>;
    className?: string;
  },
) {
  const [step, setStep] = useState<"idle" | "asking" | "acting">("idle");
  const [error, setError] = useState<ApiError | undefined>(undefined);
  const close = (): void => {
    if (step !== "acting") setStep("idle");
  };
  async function confirm(): Promise<void> {
    setStep("acting");
    setError(undefined);
    try {
      await act();
      setStep("idle");
    } catch (failure) {
      setError(
        failure instanceof ApiError
          ? failure
          : new ApiError("refused", "internal", String(failure)),
      );
      setStep("asking");
    }
  }
  return (
    <>
      <button type="button" class={className} onClick={() => setStep("asking")}>{label}</button>
      {step === "idle" ? null : (
        <Dialog title={title} onClose={close}>
          <p>{text}</p>
          {error === undefined ? null : <Failure error={error} />}
          <div class="buttons">
            <button type="button" class="quiet" disabled={step === "acting"} onClick={close}>
              {TEXTS.cancel}
            </button>
            <button
              type="button"
              class="primary"
              disabled={step === "acting"}
              onClick={() => void confirm()}
            >
              {step === "acting" ? busy : label}
            </button>
          </div>
        </Dialog>
      )}
    </>
  );
}
