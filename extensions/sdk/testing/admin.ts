/**
 * Core's admin methods in a test: checked as core checks them, answered as the test says.
 *
 * @module
 */
import { randomUUID } from "node:crypto";
import {
  ADMIN_METHODS,
  messageOf,
  type MethodTable,
  RPC_CODES,
  RpcFault,
} from "../../../core/contract/mod.ts";
import type { ParamsOf, ResultOf, ShortMethod } from "../admin.ts";

/** One call of the microapp. */
export interface AdminCall {
  /** Its full name. */
  readonly method: string;
  readonly params: unknown;
}

/** What a test answers, by what follows `nexo/admin/` or by the full name. */
export type AdminAnswers =
  & {
    readonly [M in ShortMethod]?: (params: ParamsOf<M>) => ResultOf<M> | Promise<ResultOf<M>>;
  }
  & { readonly [method: `nexo/${string}`]: (params: unknown) => unknown };

/** What answers in a test. */
export interface TestAdmin {
  /** Every call so far. */
  readonly calls: readonly AdminCall[];
  /** @throws {RpcFault} as core would */
  readonly answer: (method: string, params: unknown) => Promise<unknown>;
}

const PREFIX = "nexo/admin/";
/** What every host answers unless the test says otherwise. */
const DEFAULTS: Readonly<Record<string, (params: unknown) => unknown>> = {
  "nexo/admin/echo": (params) => ({ echoed: params, microapp_id: "test" }),
  "nexo/publish": () => ({ event_id: randomUUID() }),
  "nexo/dispatch": () => ({ msg_id: randomUUID() }),
};

/**
 * Builds the answers. With `grants`, a method outside them is refused. Methods of the contract check
 * their params, and that the test's answer is one core could give.
 */
export function createTestAdmin(
  { answers = {}, grants }: {
    readonly answers?: AdminAnswers | undefined;
    readonly grants?: readonly string[] | undefined;
  },
): TestAdmin {
  const calls: AdminCall[] = [];
  const given: Readonly<Record<string, ((params: never) => unknown) | undefined>> = answers;
  const table: MethodTable = ADMIN_METHODS;

  async function answer(method: string, params: unknown): Promise<unknown> {
    const row = Object.hasOwn(table, method) ? table[method] : undefined;
    if (row !== undefined && grants?.includes(row.capability) === false) {
      throw notGranted(row.capability, method);
    }
    const handle = given[method] ?? given[method.replace(PREFIX, "")] ?? DEFAULTS[method];
    if (handle === undefined) {
      const hint = row === undefined ? "" : "; this test answers it once `admin` does";
      const message = `method_not_found: no admin handler registered for \`${method}\`${hint}`;
      throw new RpcFault(RPC_CODES.method_not_found, message);
    }
    const parsed = row?.params.safeParse(params ?? {});
    if (parsed?.success === false) {
      const [issue] = parsed.error.issues;
      const place = issue === undefined ? "" : `${issue.path.join(".")}: ${issue.message}`;
      throw new RpcFault(RPC_CODES.invalid_params, `invalid_params: ${place}`);
    }
    const result = await handle(params as never);
    const read = row?.result.safeParse(result);
    if (read?.success !== false) return result;
    const message = `internal: core never answers ${method} like this test: ${read.error.message}`;
    throw new RpcFault(RPC_CODES.internal, message);
  }

  return {
    calls,
    async answer(method, params) {
      calls.push({ method, params });
      try {
        return await answer(method, params);
      } catch (error) {
        if (error instanceof RpcFault) throw error;
        throw new RpcFault(RPC_CODES.internal, `internal: ${messageOf(error)}`);
      }
    },
  };
}

function notGranted(capability: string, method: string): RpcFault {
  return new RpcFault(
    RPC_CODES.capability_not_granted,
    `capability_not_granted: ${capability} for method ${method}`,
    { capability, microapp_id: "test", method },
  );
}
