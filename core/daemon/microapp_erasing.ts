/**
 * Erasing in microapps: each is asked, and none that did not answer is taken for done.
 *
 * @module
 */
import {
  DATA_ERASE,
  DataErased,
  type DataErasure,
  messageOf,
  type MicroappErased,
} from "../contract/mod.ts";
import type { Host } from "../microapps/host.ts";

/** Resolves when every microapp that keeps data of people has erased it or failed; never rejects. */
export type EraseInMicroapps = (whom: DataErasure) => Promise<MicroappErased[]>;

/** Returns it over the microapps of `host`. */
export function createMicroappErasing(
  { host }: { host: Pick<Host, "erasersOf" | "request"> },
): EraseInMicroapps {
  async function eraseIn(microapp_id: string, whom: DataErasure): Promise<MicroappErased> {
    try {
      const answer = await host.request({
        microappId: microapp_id,
        account: whom.account_id,
        method: DATA_ERASE,
        params: whom,
      });
      const { data: done } = DataErased.safeParse(answer);
      return done === undefined
        ? { microapp_id, erased: null, error: `it answered ${DATA_ERASE} with no count` }
        : { microapp_id, erased: done.erased, error: null };
    } catch (error) {
      return { microapp_id, erased: null, error: messageOf(error) };
    }
  }

  return (whom) =>
    Promise.all(host.erasersOf(whom.account_id).map((microapp) => eraseIn(microapp, whom)));
}
