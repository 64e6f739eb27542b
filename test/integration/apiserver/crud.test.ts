import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CONFIG_MAPS, configMap, newWorld, WIDGETS, type World, widget } from './world.ts';

const APPLY = 'application/apply-patch+yaml';
const STRATEGIC = 'application/strategic-merge-patch+json';
const TABLE = { Accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' };

let world: World;

beforeAll(async () => {
  world = await newWorld();
});

afterAll(() => world.end());

describe('writes', () => {
  it('creates with defaults, uid, generation and managed fields', async () => {
    const { status, body } = await world.api.post(WIDGETS, widget('created'));
    expect(status).toBe(201);
    expect(body.spec).toEqual({ colour: 'green', size: 'medium', replicas: 1 });
    expect(body.metadata).toMatchObject({ name: 'created', namespace: 'default', generation: 1 });
    expect(body.metadata.uid).toMatch(/^[0-9a-f-]{36}$/);
    expect(body.metadata.managedFields).toMatchObject([{ manager: 'tests', operation: 'Update' }]);
    const again = await world.api.post(WIDGETS, widget('created'));
    expect([again.status, again.body.reason, again.body.message]).toEqual([
      409,
      'AlreadyExists',
      'widgets.example.com "created" already exists',
    ]);
  });

  it('makes up names, each different', async () => {
    const unnamed = { ...widget(''), metadata: { generateName: 'made-' } };
    const made = await Promise.all([1, 2, 3].map(() => world.api.post(WIDGETS, unnamed)));
    const names = made.map(({ body }) => body.metadata.name as string);
    expect(new Set(names).size).toBe(3);
    for (const name of names) expect(name).toMatch(/^made-[a-z0-9]{5}$/);
  });

  it('changes nothing in a dry run', async () => {
    const { status, body } = await world.api.post(`${WIDGETS}?dryRun=All`, widget('dry'));
    expect([status, body.spec.size]).toEqual([201, 'medium']);
    expect((await world.api.get(`${WIDGETS}/dry`)).status).toBe(404);
  });

  it('treats unknown fields as the client wishes', async () => {
    const odd = widget('odd', { bogus: 1 });
    const strict = await world.api.post(`${WIDGETS}?fieldValidation=Strict`, odd);
    expect(strict.body.message).toBe(
      'Widget in version "v1" cannot be handled as a Widget: strict decoding error: unknown field "spec.bogus"',
    );
    const warned = await world.api.post(`${WIDGETS}?dryRun=All`, odd);
    expect(warned.headers.warning).toBe('299 - "unknown field \\"spec.bogus\\""');
    const ignored = await world.api.post(`${WIDGETS}?fieldValidation=Ignore`, odd);
    expect([ignored.headers.warning, ignored.body.spec.bogus]).toEqual([undefined, undefined]);
    const twice =
      '{"apiVersion":"example.com/v1","kind":"Widget","metadata":{"name":"twice"},"spec":{"colour":"red","colour":"blue"}}';
    expect(
      (await world.api.call('POST', `${WIDGETS}?fieldValidation=Strict`, { body: twice })).body.message,
    ).toContain('duplicate field "spec.colour"');
  });

  it('says everything that is wrong, field by field', async () => {
    const { status, body } = await world.api.post(
      WIDGETS,
      widget('Bad_Name', { colour: 'pink', replicas: 1000 }),
    );
    expect([status, body.reason]).toEqual([422, 'Invalid']);
    const causes = body.details.causes.map(
      ({ field, reason }: { field: string; reason: string }) => `${field} ${reason}`,
    );
    expect(causes).toEqual([
      'metadata.name FieldValueInvalid',
      'spec.colour FieldValueNotSupported',
      'spec.replicas FieldValueInvalid',
      '<nil> FieldValueInvalid',
    ]);
  });

  it.each([
    ['{bad', "invalid character 'b' looking for beginning of object key string ({bad)"],
    ['', 'unexpected end of JSON input (<empty>)'],
    ['[]', 'cannot unmarshal array'],
  ])('answers the body %j with 400', async (body, message) => {
    const reply = await world.api.call('POST', WIDGETS, { body });
    expect([reply.status, reply.body.reason]).toEqual([400, 'BadRequest']);
    expect(reply.body.message).toContain(message);
  });

  it('takes YAML, and refuses what is too large or of an unknown type', async () => {
    const yaml = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: yaml}\ndata: {a: "1"}\n';
    expect(
      (await world.api.call('POST', CONFIG_MAPS, { body: yaml, type: 'application/yaml' })).body.data,
    ).toEqual({ a: '1' });
    const large = await world.api.post(CONFIG_MAPS, configMap('large', { a: 'x'.repeat(4 * 1024 * 1024) }));
    expect([large.status, large.body.reason]).toEqual([413, 'RequestEntityTooLarge']);
    const odd = await world.api.call('POST', CONFIG_MAPS, { body: '<a/>', type: 'text/xml' });
    expect([odd.status, odd.body.reason]).toEqual([415, 'UnsupportedMediaType']);
  });

  it('refuses a stale update, and leaves an unchanged object as it is', async () => {
    const { body: old } = await world.api.post(WIDGETS, widget('versions'));
    const path = `${WIDGETS}/versions`;
    const { body: changed } = await world.api.merge(path, { spec: { colour: 'blue' } });
    expect(changed.metadata.generation).toBe(2);
    const stale = await world.api.call('PUT', path, { body: old });
    expect([stale.status, stale.body.reason]).toEqual([409, 'Conflict']);
    const same = await world.api.call('PUT', path, { body: changed });
    expect(same.body.metadata.resourceVersion).toBe(changed.metadata.resourceVersion);
    const labelled = await world.api.merge(path, { metadata: { labels: { a: 'b' } } });
    expect(labelled.body.metadata.generation).toBe(2);
  });

  it('keeps spec and status apart', async () => {
    const created = await world.api.post(WIDGETS, { ...widget('parts'), status: { replicas: 9 } });
    expect(created.body.status).toBeUndefined();
    const path = `${WIDGETS}/parts`;
    const written = await world.api.merge(`${path}/status`, {
      status: { replicas: 1 },
      spec: { colour: 'red' },
    });
    expect([written.body.status, written.body.spec.colour, written.body.metadata.generation]).toEqual([
      { replicas: 1 },
      'green',
      1,
    ]);
    const spec = await world.api.merge(path, { status: { replicas: 5 }, spec: { colour: 'red' } });
    expect([spec.body.status, spec.body.spec.colour, spec.body.metadata.generation]).toEqual([
      { replicas: 1 },
      'red',
      2,
    ]);
  });

  it('serves scale by the paths of the definition', async () => {
    await world.api.post(WIDGETS, widget('scale', { replicas: 2 }));
    await world.api.merge(`${WIDGETS}/scale/status`, { status: { replicas: 1, selector: 'a=b' } });
    const { body } = await world.api.get(`${WIDGETS}/scale/scale`);
    expect([body.kind, body.spec, body.status]).toEqual([
      'Scale',
      { replicas: 2 },
      { replicas: 1, selector: 'a=b' },
    ]);
    body.spec.replicas = 4;
    expect((await world.api.call('PUT', `${WIDGETS}/scale/scale`, { body })).status).toBe(200);
    expect((await world.api.get(`${WIDGETS}/scale`)).body.spec.replicas).toBe(4);
    const negative = await world.api.merge(`${WIDGETS}/scale/scale`, { spec: { replicas: -1 } });
    expect(negative.status).toBe(422);
  });
});

describe('patches', () => {
  it('applies JSON patches, and refuses those that do not fit', async () => {
    await world.api.post(WIDGETS, widget('json'));
    const patch = (body: unknown) =>
      world.api.call('PATCH', `${WIDGETS}/json`, { body, type: 'application/json-patch+json' });
    expect((await patch([{ op: 'add', path: '/spec/note', value: 'n' }])).body.spec.note).toBe('n');
    expect((await patch([{ op: 'test', path: '/spec/note', value: 'other' }])).status).toBe(422);
    expect((await patch([{ op: 'remove', path: '/spec/nothing' }])).status).toBe(422);
    expect((await patch({ op: 'add' })).status).toBe(400);
  });

  it('merges built-in kinds strategically, and custom ones not', async () => {
    await world.api.post(CONFIG_MAPS, configMap('strategic', { a: '1' }, { finalizers: ['example.com/x'] }));
    const patch = (path: string, body: unknown) => world.api.call('PATCH', path, { body, type: STRATEGIC });
    const { body } = await patch(`${CONFIG_MAPS}/strategic`, {
      metadata: { finalizers: ['example.com/y'] },
      data: { b: '2' },
    });
    // As in kube-apiserver, what is new comes first.
    expect(body.metadata.finalizers).toEqual(['example.com/y', 'example.com/x']);
    expect(body.data).toEqual({ a: '1', b: '2' });
    expect((await patch(`${WIDGETS}/json`, {})).status).toBe(415);
  });

  it('applies, creating what is not there, and reports conflicts', async () => {
    const apply = (manager: string, spec: object, force = '') =>
      world.api.call('PATCH', `${WIDGETS}/applied?fieldManager=${manager}${force}`, {
        body: widget('applied', spec),
        type: APPLY,
      });
    expect((await apply('one', { replicas: 3 })).status).toBe(201);
    const conflict = await apply('two', { replicas: 4 });
    expect([conflict.status, conflict.body.details.causes]).toEqual([
      409,
      [
        {
          reason: 'FieldManagerConflict',
          message: 'conflict with "one"',
          field: '.spec.replicas',
        },
      ],
    ]);
    expect((await apply('two', { replicas: 4 }, '&force=true')).body.spec.replicas).toBe(4);
    const { body: before } = await world.api.get(`${WIDGETS}/applied`);
    const same = await apply('two', { replicas: 4 });
    expect(same.body.metadata.resourceVersion).toBe(before.metadata.resourceVersion);
    const nameless = await world.api.call('PATCH', `${WIDGETS}/applied`, {
      body: widget('applied'),
      type: APPLY,
    });
    expect([nameless.status, nameless.body.details.causes[0].field]).toEqual([422, 'fieldManager']);
  });

  it('applies a status without touching the spec', async () => {
    await world.api.post(WIDGETS, widget('applied-status'));
    const body = {
      apiVersion: 'example.com/v1',
      kind: 'Widget',
      metadata: { name: 'applied-status' },
      status: { replicas: 2 },
    };
    const reply = await world.api.call('PATCH', `${WIDGETS}/applied-status/status?fieldManager=operator`, {
      body,
      type: APPLY,
    });
    expect([reply.status, reply.body.status, reply.body.spec.colour]).toEqual([
      200,
      { replicas: 2 },
      'green',
    ]);
    const missing = await world.api.call('PATCH', `${WIDGETS}/nobody/status?fieldManager=operator`, {
      body: { ...body, metadata: { name: 'nobody' } },
      type: APPLY,
    });
    expect(missing.status).toBe(404);
  });
});

describe('reads', () => {
  it('selects by labels and fields, and pages consistently', async () => {
    const list = `${CONFIG_MAPS}?labelSelector=set%3Dpages`;
    for (const name of ['p1', 'p2', 'p3'])
      await world.api.post(CONFIG_MAPS, configMap(name, {}, { labels: { set: 'pages' } }));
    const first = await world.api.get(`${list}&limit=2`);
    await world.api.delete(`${CONFIG_MAPS}/p3`);
    const rest = await world.api.get(`${list}&limit=2&continue=${first.body.metadata.continue}`);
    const names = [first, rest].map(({ body }) =>
      body.items.map((item: { metadata: { name: string } }) => item.metadata.name),
    );
    expect(names).toEqual([['p1', 'p2'], ['p3']]);
    expect(rest.body.metadata.resourceVersion).toBe(first.body.metadata.resourceVersion);
    const one = await world.api.get(`${CONFIG_MAPS}?fieldSelector=metadata.name%3Dp1`);
    expect(one.body.items).toHaveLength(1);
    expect((await world.api.get(`${WIDGETS}?fieldSelector=spec.size%3Dx`)).body.message).toBe(
      'field label not supported: spec.size',
    );
  });

  it('answers with tables and with metadata alone', async () => {
    await world.api.post(WIDGETS, widget('tabled'));
    const { body } = await world.api.get(`${WIDGETS}/tabled`, { headers: TABLE });
    expect([body.kind, body.rows[0].cells.slice(0, 3), body.rows[0].object.kind]).toEqual([
      'Table',
      ['tabled', 'green', 1],
      'PartialObjectMetadata',
    ]);
    const partial = await world.api.get(WIDGETS, {
      headers: { Accept: 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io' },
    });
    expect([partial.body.kind, partial.body.items[0].spec]).toEqual(['PartialObjectMetadataList', undefined]);
    expect((await world.api.get(WIDGETS, { headers: { Accept: 'text/html' } })).status).toBe(406);
  });

  it('shows one event through both of its groups', async () => {
    const event = {
      metadata: { name: 'e' },
      involvedObject: { kind: 'Widget', name: 'a', namespace: 'default' },
      reason: 'Because',
      message: 'hello',
      type: 'Normal',
      lastTimestamp: '2026-01-01T00:00:00Z',
    };
    await world.api.post('/api/v1/namespaces/default/events', event);
    const { body } = await world.api.get('/apis/events.k8s.io/v1/namespaces/default/events/e');
    expect(body).toMatchObject({ apiVersion: 'events.k8s.io/v1', note: 'hello', regarding: { name: 'a' } });
    const found = await world.api.get(
      '/api/v1/events?fieldSelector=involvedObject.kind%3DWidget,reason%3DBecause',
    );
    expect(found.body.items).toHaveLength(1);
  });

  it('lists ten thousand objects, and watches them', async () => {
    const path = '/api/v1/namespaces/many/configmaps';
    await world.api.post('/api/v1/namespaces', { metadata: { name: 'many' } });
    for (let base = 0; base < 10_000; base += 500) {
      await Promise.all(
        Array.from({ length: 500 }, (_, index) =>
          world.api.post(path, configMap(`c${base + index}`, { a: 'b' })),
        ),
      );
    }
    expect((await world.api.get(path)).body.items).toHaveLength(10_000);
    const page = await world.api.get(`${path}?limit=100`);
    expect(page.body.metadata.remainingItemCount).toBe(9900);
    const watch = await world.api.watch(path);
    const seen = new Set(await watch.take(10_000));
    expect(seen.size).toBe(10_000);
    watch.close();
    const gone = await world.api.delete(path);
    expect(gone.body.items).toHaveLength(10_000);
    expect((await world.api.get(path)).body.items).toEqual([]);
  });
});
