/**
 * What an edge tells core of signatures it refused.
 *
 * @module
 */
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { CodedError, RejectionReport, subjects } from "../../../core/contract/mod.ts";
import { createRejections } from "../../../edge/webhooks/rejections.ts";
import { memoryLog } from "./support.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function fixture() {
  const told: RejectionReport[] = [];
  const core = { isThere: true };
  const rejections = createRejections({
    bus: {
      request(subject, data) {
        expect(subject).toBe(subjects.rejections);
        if (!core.isThere) {
          return Promise.reject(new CodedError("bus_no_responder", "Cannot ask: nobody is there"));
        }
        told.push(RejectionReport.parse(JSON.parse(new TextDecoder().decode(data))));
        return Promise.resolve({ subject, data, headers: {} });
      },
    },
    now: () => 1,
    log: memoryLog(),
  });
  let id = 0;
  const refuse = (source_id: string, reason: string, status = 401) =>
    rejections.note({
      source_id,
      reason,
      status,
      code: "unauthorized",
      client_ip: null,
      request_id: `r-${++id}`,
      at_ms: 1,
    });
  return { told, core, rejections, refuse };
}

it("tells the first refusal at once and counts the others until the next time", async () => {
  const { told, refuse } = fixture();
  for (let i = 0; i < 1000; i++) refuse(i % 2 === 0 ? "a" : "b", "signature_mismatch");
  refuse("a", "signature_missing");
  refuse("a", "in_flight", 503);
  expect(told.map(({ sources }) => sources)).toEqual([
    [{ source_id: "a", reasons: { signature_mismatch: 1 }, last_request_id: "r-1" }],
  ]);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(told[1]?.sources).toEqual([
    { source_id: "b", reasons: { signature_mismatch: 500 }, last_request_id: "r-1000" },
    {
      source_id: "a",
      reasons: { signature_mismatch: 499, signature_missing: 1 },
      last_request_id: "r-1001",
    },
  ]);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(told).toHaveLength(2);
  expect(vi.getTimerCount()).toBe(0);
});

it("keeps what core did not hear, and tells it with the rest at the end", async () => {
  const { told, core, rejections, refuse } = fixture();
  core.isThere = false;
  refuse("a", "signature_mismatch");
  await vi.advanceTimersByTimeAsync(12_000);
  refuse("a", "timestamp_missing");
  core.isThere = true;
  await rejections.close();
  expect(told.map(({ sources }) => sources)).toEqual([[
    {
      source_id: "a",
      reasons: { signature_mismatch: 1, timestamp_missing: 1 },
      last_request_id: "r-2",
    },
  ]]);
  expect(vi.getTimerCount()).toBe(0);
});
