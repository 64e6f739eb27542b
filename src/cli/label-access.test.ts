import { describe, expect, it } from 'vitest';
import { aLabel } from '../../test/builders/objects.ts';
import { fc } from '../../test/fuzz.ts';
import { TEMPLATE_LABELS, type TemplateLabel } from '../api/kinds.ts';
import { ApiError } from '../kube/api-error.ts';
import type { KubeClient } from '../kube/client/client.ts';
import { changeSpec, followName } from './label-access.ts';

describe('the name of a follow object', () => {
  it.each([
    ['ann', 'ann'],
    ['Ann', /^ann-[0-9a-f]{8}$/],
    ['ann@example.com', /^ann-example-com-[0-9a-f]{8}$/],
    ['system:serviceaccount:flux-system:flux', /^system-serviceaccount-flux-system-flux-[0-9a-f]{8}$/],
    ['…', /^[0-9a-f]{8}$/],
  ])('of %s', (user, expected) => expect(followName(user)).toMatch(expected));

  it('is one of an object, and that of no other user', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), (one, other) => {
        expect(followName(one)).toMatch(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/);
        expect(followName(one) === followName(other)).toBe(one === other);
      }),
    );
  });
});

describe('a change of a spec', () => {
  /** A server whose object changes `times` times between read and write. */
  function server(times: number) {
    const versions = ['2', '3', '4', '5', '6', '7'];
    const sent: unknown[] = [];
    let left = times;
    const client = {
      get: async () =>
        aLabel({ metadata: { resourceVersion: versions[sent.length - 1] }, spec: { title: 'theirs' } }),
      patch: async (_ref: unknown, _name: unknown, patch: unknown) => {
        sent.push(patch);
        if (left-- > 0) throw new ApiError({ status: 409, reason: 'Conflict', message: 'changed' });
      },
    } as unknown as Pick<KubeClient, 'get' | 'patch'>;
    const change = () =>
      changeSpec(client, TEMPLATE_LABELS, aLabel(), ({ spec }: TemplateLabel) => ({
        title: `${spec.title}!`,
      }));
    return { sent, change };
  }

  it('is made again of what is there now when somebody else was faster', async () => {
    const { sent, change } = server(1);
    await change();
    expect(sent).toEqual([
      { metadata: { resourceVersion: '1' }, spec: { title: 'lamp!' } },
      { metadata: { resourceVersion: '2' }, spec: { title: 'theirs!' } },
    ]);
  });

  it('is given up some time', async () => {
    const { sent, change } = server(9);
    await expect(change()).rejects.toThrow('changed');
    expect(sent).toHaveLength(5);
  });
});
