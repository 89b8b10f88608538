/**
 * What an admin method is: a name, who may call it, what it takes, what it does.
 *
 * @module
 */
import type { z } from "zod";

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
}

/** One row of the method table, its params already parsed when the handler runs. */
export interface AdminMethod {
  readonly method: string;
  readonly capability: string;
  readonly params: z.ZodType;
  /** Whether a call that only reads leaves no row in the audit log. */
  readonly unaudited: boolean;
  readonly handle: (params: unknown, call: Call) => Promise<unknown>;
}

/** The capability of methods for operators alone. */
export const OPERATOR_CAPABILITY = "_operator";

/** A method whose handler is typed by its params. */
export function method<P extends z.ZodType>(
  name: string,
  capability: string,
  params: P,
  handle: (params: z.output<P>, call: Call) => Promise<unknown>,
  { unaudited = false }: { unaudited?: boolean } = {},
): AdminMethod {
  return {
    method: name,
    capability,
    params,
    unaudited,
    handle: (parsed, call) => handle(parsed as z.output<P>, call),
  };
}

/** A method for operators: `nexo/operator/<name>`. */
export function operatorMethod<P extends z.ZodType>(
  name: string,
  params: P,
  handle: (params: z.output<P>, call: Call) => Promise<unknown>,
  options?: { unaudited?: boolean },
): AdminMethod {
  return method(`nexo/operator/${name}`, OPERATOR_CAPABILITY, params, handle, options);
}
