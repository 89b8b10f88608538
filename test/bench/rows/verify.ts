/**
 * What our gates cost beside the HMAC that nobody can do without.
 *
 * @module
 */
import { openHttpSide } from "../http_side.ts";
import type { Row } from "../row.ts";
import { openVerifyingSide } from "../verifying_side.ts";
import { WEBHOOK_ENV } from "../webhook.ts";

export const verify: Row = {
  name: "verify",
  unit: "requests per CPU-second",
  target: { atLeast: 0.55 },
  quick: true,
  ours: (workshop) => openVerifyingSide(workshop, "per CPU-second"),
  theirs: (workshop) =>
    openHttpSide(workshop, {
      server: import.meta.resolve("../servers/bare_http.ts"),
      env: WEBHOOK_ENV,
      measure: "per CPU-second",
    }),
};
