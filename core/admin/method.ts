/**
 * What an admin method is: a name, who may call it, what it takes, what it does.
 *
 * @module
 */
import type { z } from "zod";
import { type MethodTable, RPC_CODES, RpcFault } from "../contract/mod.ts";

/** Who calls. */
export type Caller =
  | {
    readonly kind: "microapp";
    readonly id: string;
    /** The tenants a capability is granted for; `"all"` without a pin; undefined without a grant. */
    readonly grant: (capability: string) => "all" | readonly string[] | undefined;
  }
  /** `subject` names the token or person. */
  | { readonly kind: "operator"; readonly subject: string };

/** What a handler knows of its call. */
export interface Call {
  readonly caller: Caller;
  /** The tenants this call may see. */
  readonly tenants: "all" | readonly string[];
  readonly signal: AbortSignal | undefined;
  readonly method: string;
  readonly capability: string;
}

/** One row of the method table, its params already parsed when the handler runs. */
export interface AdminMethod {
  readonly method: string;
  readonly capability: string;
  readonly params: z.ZodType;
  /** Whether a call that only reads leaves no row in the audit log. */
  readonly unaudited: boolean;
  /** See {@linkcode AccountOf}. @default it is the one that the params name */
  readonly accountOf?: AccountOf<unknown> | undefined;
  readonly handle: (params: unknown, call: Call) => Promise<unknown>;
}

/**
 * The tenant a call acts on whose params do not name one, for the record of the call; undefined when
 * it is none or several. Whether the caller may see it is judged by who asks. @throws as the method
 */
export type AccountOf<P> = (params: P) => string | undefined | Promise<string | undefined>;

/** The capability of methods for operators alone. */
export const OPERATOR_CAPABILITY = "_operator";

/** What else may be said of a method. */
export interface MethodOptions<P> {
  /** See {@linkcode AdminMethod.unaudited}. @default {false} */
  readonly unaudited?: boolean;
  readonly accountOf?: AccountOf<P>;
}

/** A method whose handler is typed by its params. */
export function method<P extends z.ZodType>(
  name: string,
  capability: string,
  params: P,
  handle: (params: z.output<P>, call: Call) => Promise<unknown>,
  { unaudited = false, accountOf }: MethodOptions<z.output<P>> = {},
): AdminMethod {
  return {
    method: name,
    capability,
    params,
    unaudited,
    accountOf: accountOf as AccountOf<unknown> | undefined,
    handle: (parsed, call) => handle(parsed as z.output<P>, call),
  };
}

/** What does the methods of a table: one function for each, typed by its row. */
export type Handlers<T extends MethodTable> = {
  readonly [M in keyof T]: (
    params: z.output<T[M]["params"]>,
    call: Call,
  ) => Promise<z.output<T[M]["result"]>>;
};

/** The tenants that methods of a table act on, for those whose params do not name them. */
export type Accounts<T extends MethodTable> = {
  readonly [M in keyof T]?: AccountOf<z.output<T[M]["params"]>>;
};

/** The rows of a table with the functions that do them. */
export function methodsOf<T extends MethodTable>(
  table: T,
  handlers: Handlers<T>,
  accounts: Accounts<T> = {},
): AdminMethod[] {
  return Object.entries(table).map(([name, { capability, params }]) => {
    const handle = handlers[name] as AdminMethod["handle"];
    const accountOf = accounts[name] as AccountOf<unknown> | undefined;
    return { method: name, capability, params, unaudited: false, accountOf, handle };
  });
}

/** Whether a call may see what belongs to `account`. */
export function sees({ tenants }: Pick<Call, "tenants">, account: string): boolean {
  return tenants === "all" || tenants.includes(account);
}

/** The one tenant a grant is for; undefined when it is for several or for all. */
export function onlyTenant({ tenants }: Pick<Call, "tenants">): string | undefined {
  return tenants !== "all" && tenants.length === 1 ? tenants[0] : undefined;
}

/** The refusal of a call to what lies outside its grant, whether it exists or not. */
export function notGranted({ capability, method: name, caller }: Omit<Call, "tenants" | "signal">) {
  return new RpcFault(
    RPC_CODES.capability_not_granted,
    `capability_not_granted: ${capability} for method ${name}`,
    { capability, microapp_id: caller.kind === "microapp" ? caller.id : null, method: name },
  );
}

/**
 * The tenant of something new: the one named, else the only one of the grant, else none.
 *
 * @throws {RpcFault} not granted, when that is not for this call to choose
 */
export function tenantForWriting(named: string | undefined, call: Call): string | undefined {
  const account = named ?? onlyTenant(call);
  if (account === undefined ? call.tenants !== "all" : !sees(call, account)) throw notGranted(call);
  return account;
}

/** A method for operators: `nexo/operator/<name>`. */
export function operatorMethod<P extends z.ZodType>(
  name: string,
  params: P,
  handle: (params: z.output<P>, call: Call) => Promise<unknown>,
  options?: MethodOptions<z.output<P>>,
): AdminMethod {
  return method(`nexo/operator/${name}`, OPERATOR_CAPABILITY, params, handle, options);
}
