import { describe, expect, it } from 'vitest';
import type { HostEvent } from '../host/protocol.ts';
import { EventHub } from './events.ts';

const gone = (uuid: string): HostEvent => ({ type: 'applianceGone', uuid });

function hubWith(capacity: number, ...uuids: string[]): EventHub {
  const hub = new EventHub({ epoch: 7, capacity });
  for (const uuid of uuids) hub.publish(gone(uuid));
  return hub;
}

describe('the events of a host', () => {
  const cases = [
    { name: 'nothing after the newest', after: '7-3', uuids: [] },
    { name: 'what came after an id', after: '7-1', uuids: ['b', 'c'] },
    { name: 'all that is kept', after: '7-0', uuids: ['a', 'b', 'c'] },
  ];
  for (const { name, after, uuids } of cases) {
    it(`give ${name}`, () => {
      expect(
        hubWith(10, 'a', 'b', 'c')
          .after(after)
          ?.map(({ event }) => event),
      ).toEqual(uuids.map(gone));
    });
  }

  const unknown = [
    { name: 'no id', after: undefined },
    { name: 'an id of an earlier run', after: '6-1' },
    { name: 'an id that is still to come', after: '7-4' },
    { name: 'something else', after: 'seven' },
  ];
  for (const { name, after } of unknown) {
    it(`do not know ${name}`, () => {
      expect(hubWith(10, 'a', 'b', 'c').after(after)).toBeUndefined();
    });
  }

  it('forget the oldest first', () => {
    const hub = hubWith(2, 'a', 'b', 'c');
    expect(hub.after('7-0')).toBeUndefined();
    expect(hub.after('7-1')?.length).toBe(2);
  });

  it('reach each listener, until it stops', () => {
    const hub = hubWith(2);
    const seen: string[] = [];
    const stop = hub.subscribe(({ id }) => seen.push(id));
    hub.publish(gone('a'));
    stop();
    hub.publish(gone('b'));
    expect(seen).toEqual(['7-1']);
  });
});
