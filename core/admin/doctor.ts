/**
 * What `nexo doctor` asks: checks of what runs, each with its findings.
 *
 * @module
 */
import { z } from "zod";
import { messageOf } from "../contract/mod.ts";
import type { AreaFinding, Finding } from "../contract/views/health.ts";
import { type AdminMethod, operatorMethod } from "./method.ts";

/** A part that can say how it is. */
export interface DoctorCheck {
  /** The word its findings stand under. */
  readonly area: string;
  readonly run: () => readonly Finding[] | Promise<readonly Finding[]>;
}

/** Returns the methods: one runs all checks, and one that fails is a finding itself. */
export function doctorMethods(
  checks: readonly DoctorCheck[],
  { capabilities }: { readonly capabilities: () => readonly unknown[] },
): AdminMethod[] {
  const run = async ({ area, run: check }: DoctorCheck): Promise<AreaFinding[]> => {
    try {
      return (await check()).map((finding) => ({ area, ...finding }));
    } catch (error) {
      const message = `Cannot look: ${messageOf(error)}`;
      return [{ area, level: "error", subject: area, message, fix: "See the log" }];
    }
  };
  return [
    operatorMethod(
      "doctor",
      z.object({}),
      async () => ({ findings: (await Promise.all(checks.map(run))).flat() }),
      { unaudited: true },
    ),
    operatorMethod(
      "doctor/capabilities",
      z.object({}),
      () => Promise.resolve({ capabilities: capabilities() }),
      { unaudited: true },
    ),
  ];
}
