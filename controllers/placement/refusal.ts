import type { Unplaced } from '../../src/domain/placement/types.ts';
import type { Refusal } from '../memory/placement-outcomes.ts';
import { hostReasons } from './host-reasons.ts';

/** A refusal as a status tells it: one entry a host, the first of them. */
export function refusalOf(unplaced: Unplaced): Refusal {
  const { reasons, summary } = unplaced.explain();
  const byHost = new Map<string, string[]>();
  for (const { host, message } of reasons) byHost.set(host, [...(byHost.get(host) ?? []), message]);
  return {
    reason: byHost.size === 0 ? 'NoHosts' : 'NoHostFits',
    message: `${summary}; it is placed as soon as a host has room`.slice(0, 4096),
    reasons: hostReasons([...byHost].map(([host, messages]) => ({ host, message: messages.join('; ') }))),
  };
}
