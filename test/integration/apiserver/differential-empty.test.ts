import { isDeepStrictEqual } from 'node:util';
import { expect, it } from 'vitest';
import type { CustomResourceDefinition } from '../../../src/apiserver/registry/definition.ts';
import { readCrds } from '../../kubernetes/crds.ts';
import { describeOnKubernetes } from '../../kubernetes/suite.ts';
import { makeBase } from './differential/bases.ts';
import { type Definitions, type Emptied, fieldsOf, storiesOf, type Whole } from './differential/empties.ts';
import { comparable, isKnown } from './differential/known-empties.ts';
import { type Side, useSides } from './differential/sides.ts';
import { type Line, transcript } from './differential/transcript.ts';
import { BUILT_INS, type BuiltIn } from './differential/wholes.ts';
import { gizmoCrd } from './world.ts';

const AT_ONCE = 12;
/** Of so many stories one is played; COPPICE_TEST_FIELDS=all plays all, which takes some ten minutes. */
const EVERY = process.env.COPPICE_TEST_FIELDS === 'all' ? 1 : 82;
const PATIENCE_MS = 900_000;

const definitions = [...(await readCrds()), await gizmoCrd()] as CustomResourceDefinition[];
const customKinds = definitions.map(({ spec }) => ({ kind: spec.names.kind, spec }));

/** A story whose answers differ: what each server said last. */
interface Difference {
  readonly story: string;
  readonly ours: unknown;
  readonly theirs: unknown;
}

/** kube-apiserver ends the connection of a request in which it fails. */
function hungUp(error: unknown): Line[] {
  const nothing = { contentType: undefined, warning: undefined, retryAfter: undefined };
  return [{ request: '', status: 0, ...nothing, body: String(error) }];
}

await describeOnKubernetes('fields that are set to nothing, on both servers', (programs) => {
  const sides = useSides(programs);

  /** kube-apiserver's own description of the kinds of that version: it has every field that there is. */
  async function schemasOf(apiVersion: string): Promise<Definitions> {
    const path = apiVersion.includes('/') ? `apis/${apiVersion}` : `api/${apiVersion}`;
    const { body } = await sides.kube.api.get(`/openapi/v3/${path}`);
    return body.components.schemas;
  }

  async function makeBuiltIn({ plural, namespaced, hasStatus, object }: BuiltIn): Promise<Whole> {
    const { apiVersion, metadata } = object;
    const at = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    const collection = `${at}${namespaced ? '/namespaces/default' : ''}/${plural}`;
    const path = `${collection}/${(metadata as { name: string }).name}`;
    for (const { api } of [sides.embedded, sides.kube]) {
      const { status, text } = await api.post(collection, object);
      expect({ status, text: status === 201 ? '' : text }).toEqual({ status: 201, text: '' });
      // A definition is changed by the server itself, until it is served.
      await expect.poll(async () => (await api.get(path)).text).toMatch(/^(?!.*"conditions":null)/);
    }
    return { collection, path, object, hasStatus: hasStatus === true, custom: false };
  }

  async function differences(stories: readonly Emptied[]): Promise<Difference[]> {
    const found: Difference[] = [];
    const left = stories.filter((_, index) => index % EVERY === 0);
    const work = async (): Promise<void> => {
      for (let one = left.shift(); one !== undefined; one = left.shift()) {
        const story = one;
        const [ours, theirs] = await Promise.all([
          play(sides.embedded, story),
          play(sides.kube, story).catch(hungUp),
        ]);
        if (isDeepStrictEqual(ours, theirs) || isKnown(story, ours, theirs)) continue;
        found.push({ story: story.name, ours: ours.at(-1), theirs: theirs.at(-1) });
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    return found;
  }

  async function play({ api }: Side, story: Emptied): Promise<Line[]> {
    return (await transcript(api, story, 'default')).map(comparable);
  }

  it.each(BUILT_INS)(
    'are taken alike: $object.kind of $object.apiVersion',
    async (kind) => {
      const whole = await makeBuiltIn(kind);
      const { object } = kind;
      const fields = fieldsOf(await schemasOf(object.apiVersion), kind.definition, object);
      expect(await differences(storiesOf(whole, fields))).toEqual([]);
    },
    PATIENCE_MS,
  );

  it.each(customKinds)(
    'are taken alike: $kind',
    async ({ kind, spec }) => {
      const base = await makeBase(spec, [sides.embedded.api, sides.kube.api]);
      const { collection, path, apiVersion, name } = base;
      const metadata = { name, labels: { a: 'b' }, annotations: { a: 'b' }, finalizers: ['example.com/a'] };
      const hasStatus = spec.versions[0]?.subresources?.status !== undefined;
      const status = hasStatus ? { status: base.status } : {};
      // What is kept of the spec: a field that is unknown would be refused before the one in question.
      const { body } = await sides.kube.api.get(path);
      const object = { apiVersion, kind, metadata, spec: body.spec, ...status };
      const schemas = await schemasOf(apiVersion);
      const definition = Object.keys(schemas).find((one) => one.endsWith(`.${kind}`)) ?? '';
      const fields = fieldsOf(schemas, definition, object);
      const stories = storiesOf({ collection, path, object, hasStatus, custom: true }, fields);
      expect(await differences(stories)).toEqual([]);
    },
    PATIENCE_MS,
  );
});
