/**
 * The methods for operators alone, listed without a daemon behind them.
 *
 * @module
 */
import { doctorMethods } from "../../../core/admin/doctor.ts";
import type { AdminMethod } from "../../../core/admin/method.ts";
import { operatorAuditMethods } from "../../../core/admin/operator_audit.ts";
import { operatorConsoleMethods } from "../../../core/admin/operator_console.ts";
import { operatorControlMethods } from "../../../core/admin/operator_control.ts";
import { operatorConversationMethods } from "../../../core/admin/operator_conversations.ts";
import { operatorExtensionMethods } from "../../../core/admin/operator_extensions.ts";
import { operatorOverviewMethods } from "../../../core/admin/operator_overview.ts";
import { operatorRecordMethods } from "../../../core/admin/operator_record.ts";
import { operatorScheduleMethods } from "../../../core/admin/operator_schedules.ts";
import { operatorSecretMethods } from "../../../core/admin/operator_secrets.ts";
import { operatorTranscriptMethods } from "../../../core/admin/operator_transcripts.ts";
import { operatorUsageMethods } from "../../../core/admin/operator_usage.ts";

/** All of them, by name. */
export function operatorMethods(): AdminMethod[] {
  // Making the table calls nothing of what stands behind it.
  const nothing = undefined as never;
  return [
    ...doctorMethods([], { capabilities: () => [] }),
    ...operatorAuditMethods(nothing),
    ...operatorConsoleMethods(nothing),
    ...operatorControlMethods(nothing),
    ...operatorConversationMethods({} as never),
    ...operatorExtensionMethods(nothing),
    ...operatorOverviewMethods(nothing),
    ...operatorRecordMethods(nothing),
    ...operatorScheduleMethods({} as never),
    ...operatorSecretMethods({} as never),
    ...operatorTranscriptMethods(nothing),
    ...operatorUsageMethods({} as never),
  ].sort((a, b) => a.method < b.method ? -1 : 1);
}
