import { describe, expect, it, vi } from 'vitest';
import { describeOnKubernetes } from '../../kubernetes/suite.ts';
import { access } from './differential/access.ts';
import type { Case } from './differential/case.ts';
import { runningCosts } from './differential/costs.ts';
import { definitions } from './differential/definitions.ts';
import { endpoints } from './differential/endpoints.ts';
import { estimates } from './differential/estimates.ts';
import { identities } from './differential/identities.ts';
import { inherited } from './differential/inherited.ts';
import { kinds } from './differential/kinds.ts';
import { compare, type Difference, knownDifferences } from './differential/known-differences.ts';
import { lifecycles } from './differential/lifecycles.ts';
import { limits } from './differential/limits.ts';
import { discovery, lists } from './differential/lists.ts';
import { names } from './differential/names.ts';
import { negotiation } from './differential/negotiation.ts';
import { badObjects, lifeOfObjects, optionsOfWrites } from './differential/objects.ts';
import { oddPatches } from './differential/odd-patches.ts';
import { oddRequests } from './differential/odd-requests.ts';
import { applies, patches, subresources } from './differential/patches.ts';
import { patterns } from './differential/patterns.ts';
import { protobuf } from './differential/protobuf.ts';
import { records } from './differential/records.ts';
import { reviews } from './differential/reviews.ts';
import { rights } from './differential/rights.ts';
import { roles } from './differential/roles.ts';
import { ruleValues } from './differential/rule-values.ts';
import { rules } from './differential/rules.ts';
import { scales } from './differential/scales.ts';
import { schemas } from './differential/schemas.ts';
import { selectors } from './differential/selectors.ts';
import { type Side, useSides } from './differential/sides.ts';
import { small } from './differential/small.ts';
import { times } from './differential/times.ts';
import { type Line, transcript } from './differential/transcript.ts';
import { afterHistoryIsLost, beforeHistoryIsLost, watches } from './differential/watches.ts';
import { yaml } from './differential/yaml.ts';

type Groups = Readonly<Record<string, readonly Case[]>>;

/**
 * One case after the other: of what all cases share (discovery, definitions, rights and roles of the whole server), of the order of events,
 * and of requests that take kube-apiserver a good part of the half minute that it gives them.
 */
const alone: Groups = {
  objects: lifeOfObjects,
  'options of writes': optionsOfWrites,
  'bad objects': badObjects,
  patches,
  'odd patches': oddPatches,
  'server-side apply': applies,
  'status and scale': subresources,
  discovery,
  definitions,
  access,
  reviews,
  roles,
  rights,
  inherited,
  'odd requests': oddRequests,
  identities,
  protobuf,
  negotiation,
  endpoints,
  rules,
  watches,
  limits,
};
/** Each case of these keeps to its namespace, or to one that it makes: some at once, since most wait for the servers. */
const apart: Groups = {
  lists,
  schemas,
  kinds,
  lifecycles,
  times,
  names,
  selectors,
  yaml,
  small,
  scales,
};
/** Each case defines a kind of its own, and looks at no other: some at once, but not while namespaces are emptied of all kinds. */
const defining: Groups = {
  records,
  patterns,
  'costs of rules': runningCosts,
  'estimated costs': estimates,
  'values in rules': ruleValues,
};
const allCases = [alone, apart, defining].flatMap((groups) => Object.values(groups).flat());

await describeOnKubernetes('the embedded API server beside kube-apiserver', (programs) => {
  const sides = useSides(programs);

  async function answers(one: Case): Promise<{ ours: Line[]; theirs: Line[] }> {
    const ns = `case-${allCases.indexOf(one)}`;
    const play = async ({ api }: Side) => {
      await api.post('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: ns } });
      return await transcript(api, one, ns);
    };
    const [ours, theirs] = await Promise.all([play(sides.embedded), play(sides.kube)]);
    return { ours, theirs };
  }

  const compareCases = (_: string, cases: readonly Case[]): void => {
    it.each(cases.filter(({ name }) => !knownDifferences.has(name)))('answers alike: $name', async (one) => {
      const { ours, theirs } = await answers(one);
      expect(ours).toEqual(theirs);
    });

    const others = cases.filter(({ name }) => knownDifferences.has(name));
    it.each(others)('differs as the documentation says, and no further: $name', async (one) => {
      const { ours, theirs } = await answers(one);
      const rest = compare(knownDifferences.get(one.name) as Difference, ours, theirs);
      expect(rest.differ).toBe(true);
      expect(rest.ours).toEqual(rest.theirs);
    });
  };

  describe.each(Object.entries(alone))('%s', compareCases);

  describe('in a namespace', () => {
    describe.concurrent.each(Object.entries(apart))('%s', compareCases);
  });

  describe('of a kind', () => {
    describe.concurrent.each(Object.entries(defining))('%s', compareCases);
  });

  it('answers alike when history was lost', async () => {
    const ns = 'lost';
    const play = async ({ api, server, reconnect }: Side) => {
      await api.post('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: ns } });
      const known: Record<string, string> = {};
      const before = await transcript(api, beforeHistoryIsLost, ns, known);
      for (const name of ['later', 'latest']) {
        await api.post('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
      }
      await server.loseHistory();
      const again = await reconnect();
      await vi.waitUntil(async () => (await again.get('/apis/example.com/v1/widgets')).status === 200, {
        timeout: 30_000,
      });
      const after = await transcript(again, afterHistoryIsLost, ns, known);
      again.close();
      return { before, after };
    };
    const [ours, theirs] = await Promise.all([play(sides.embedded), play(sides.kube)]);
    expect(ours).toEqual(theirs);
  });

  it('names every known difference by a case that there is', () => {
    const names = new Set(allCases.map(({ name }) => name));
    expect([...knownDifferences.keys()].filter((name) => !names.has(name))).toEqual([]);
    expect(names.size).toBe(allCases.length);
  });
});
