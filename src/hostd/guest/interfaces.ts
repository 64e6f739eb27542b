import type { Deadline } from '../../base/deadline.ts';
import { isRecord } from '../../base/json.ts';
import type { GuestInterface } from './guest.ts';
import { askAgent, type Session } from './session.ts';

/** https://www.qemu.org/docs/master/interop/qemu-ga-ref.html, guest-network-get-interfaces; what is not as said there is left out. */
export async function readInterfaces(
  session: Session,
  deadline: Deadline,
): Promise<readonly GuestInterface[]> {
  const answer = await askAgent(session, deadline, 'guest-network-get-interfaces', {});
  return records(answer).map((each) => {
    const mac = each['hardware-address'];
    return {
      name: String(each.name),
      ...(typeof mac === 'string' ? { mac: mac.toLowerCase() } : {}),
      addresses: records(each['ip-addresses']).map((found) => ({
        address: String(found['ip-address']),
        prefixLength: Number(found.prefix),
      })),
    };
  });
}

function records(value: unknown): readonly Readonly<Record<string, unknown>>[] {
  return Array.isArray(value) ? value.filter(isRecord) : [];
}
