import { bytesField, varintField } from '../../../../src/apiserver/codec/protobuf-wire.ts';
import { protobufBody } from '../protobuf.ts';
import { SAMPLES, type Sample } from './built-in.ts';
import {
  accepting,
  type Case,
  CONFIG_MAPS,
  get,
  inProtobuf,
  merge,
  PROTOBUF,
  part,
  post,
  put,
  quietly,
  remove,
  type Step,
  story,
  until,
  WIDGETS,
  watch,
  widget,
} from './case.ts';

const METADATA = `${PROTOBUF};as=PartialObjectMetadata;v=v1;g=meta.k8s.io`;
const METADATA_LIST = `${PROTOBUF};as=PartialObjectMetadataList;v=v1;g=meta.k8s.io`;
const AUTHORIZATION = '/apis/authorization.k8s.io/v1';
const AUTHENTICATION = '/apis/authentication.k8s.io/v1';

function placeOf({ apiVersion, plural, isClusterScoped, name }: Sample): { all: string; name: string } {
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const all = isClusterScoped ? `${root}/${plural}` : `${root}/namespaces/{ns}/${plural}`;
  return { all, name: name ?? (isClusterScoped ? '{ns}' : 'one') };
}

function whole(steps: readonly Step[]): Step[] {
  return steps.map(inProtobuf);
}

/** A definition is accepted a moment after it is written. */
function settled(one: string, { kind }: Sample): Step[] {
  if (kind !== 'CustomResourceDefinition') return [];
  const isServed = ({ status }: { status?: { conditions?: { status: string }[] } }): boolean =>
    status?.conditions?.filter((condition) => condition.status === 'True').length === 2;
  return [until(one, isServed, () => undefined)];
}

function casesOf(sample: Sample): Case[] {
  const { apiVersion, kind, fields, change } = sample;
  const { all, name } = placeOf(sample);
  const one = `${all}/${name}`;
  const metadata = {
    name,
    labels: { case: '{ns}' },
    annotations: { 'example.com/a': 'b', empty: '' },
    finalizers: ['example.com/hold'],
    ownerReferences: [
      {
        apiVersion: 'v1',
        kind: 'Namespace',
        name: 'default',
        uid: '{uid}',
        controller: true,
        blockOwnerDeletion: false,
      },
    ],
  };
  // Nobody is to collect it for want of its owner.
  const owner = quietly(get('/api/v1/namespaces/default'));
  const object = { apiVersion, kind, metadata, ...fields };
  const selected = `${all}?labelSelector=case%3D{ns}`;
  const title = `${apiVersion} ${kind} ${name} in protobuf`;
  const created = [owner, inProtobuf(post(all, object)), ...settled(one, sample)];
  return [
    story(
      `${title}: created, read, changed and deleted`,
      ...created,
      ...whole([
        get(one),
        get(selected),
        merge(one, change),
        put(one, object),
        remove(`${one}?propagationPolicy=Background`),
        remove(one, { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid: 'other' } }),
        get(`${all}/none`),
        post(all, { ...object, metadata: { ...metadata, labels: { 'a b': 'c' } } }),
        put(one, { ...object, metadata: { ...metadata, uid: 'another' } }),
      ]),
      quietly(merge(one, { metadata: { finalizers: null } })),
    ),
    story(
      `${title}: watched, and as metadata`,
      ...created,
      accepting(PROTOBUF, watch(selected, 2, merge(one, change))),
      accepting(METADATA, watch(selected, 1)),
      accepting(METADATA, get(one)),
      accepting(METADATA_LIST, get(selected)),
      accepting(`${PROTOBUF};as=Table;v=v1;g=meta.k8s.io`, get(one)),
      accepting(METADATA, get(selected)),
      accepting(METADATA_LIST, get(one)),
      quietly(merge(one, { metadata: { finalizers: null } })),
      quietly(remove(one)),
    ),
    story(
      `${title}: written as JSON, read in protobuf and YAML`,
      owner,
      post(all, object),
      ...settled(one, sample),
      inProtobuf(get(one)),
      accepting('application/yaml', get(one)),
      accepting('application/yaml', get(selected)),
      quietly(merge(one, { metadata: { finalizers: null } })),
      quietly(remove(one)),
    ),
  ];
}

const attributes = {
  namespace: '{ns}',
  verb: 'list',
  group: 'example.com',
  version: 'v1',
  resource: 'widgets',
  subresource: 'status',
  name: 'x',
  fieldSelector: { requirements: [{ key: 'metadata.name', operator: 'In', values: ['x'] }] },
  labelSelector: { requirements: [{ key: 'a', operator: 'Exists' }] },
};
const subject = { user: 'ann', groups: ['devs'], uid: 'one', extra: { scopes: ['a', 'b'] } };

function review(kind: string, spec: object, metadata: object = {}): object {
  const group = kind.startsWith('Token') ? 'authentication' : 'authorization';
  return { apiVersion: `${group}.k8s.io/v1`, kind, metadata, spec };
}

const reviews = story(
  'reviews in protobuf',
  ...whole([
    post(
      `${AUTHORIZATION}/subjectaccessreviews`,
      review('SubjectAccessReview', { ...subject, resourceAttributes: attributes }),
    ),
    post(
      `${AUTHORIZATION}/subjectaccessreviews`,
      review('SubjectAccessReview', { user: 'ann', nonResourceAttributes: { path: '/api', verb: 'get' } }),
    ),
    post(`${AUTHORIZATION}/subjectaccessreviews`, review('SubjectAccessReview', {})),
    post(
      `${AUTHORIZATION}/selfsubjectaccessreviews`,
      review('SelfSubjectAccessReview', { resourceAttributes: attributes }),
    ),
    post(
      `${AUTHORIZATION}/namespaces/{ns}/localsubjectaccessreviews`,
      review(
        'LocalSubjectAccessReview',
        { ...subject, resourceAttributes: attributes },
        { namespace: '{ns}' },
      ),
    ),
    post(`${AUTHENTICATION}/tokenreviews`, review('TokenReview', { token: 'token-of-dora' })),
    post(`${AUTHENTICATION}/tokenreviews`, review('TokenReview', { token: 'x', audiences: ['y'] })),
    {
      ...post(`${AUTHENTICATION}/selfsubjectreviews`, {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'SelfSubjectReview',
        metadata: {},
      }),
      token: 'token-of-dora',
    },
  ]),
);

/** Bodies that are no protobuf, or do not fit their kind. */
const nothing = Buffer.alloc(0);
const MISFITS: readonly (readonly [string, Buffer])[] = [
  ['nothing', nothing],
  ['text', Buffer.from('apiVersion: v1')],
  ['JSON', Buffer.from(JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x' } }))],
  ['the first bytes alone', Buffer.from('k8s\0')],
  ['an envelope that breaks off', Buffer.from('k8s\0\n\x0f')],
  ['an envelope with a number', Buffer.concat([Buffer.from('k8s\0'), varintField(1, 7)])],
  ['no type', Buffer.concat([Buffer.from('k8s\0'), bytesField(2, nothing)])],
  ['an object that breaks off', protobufBody('v1', 'ConfigMap', Buffer.from('\n\x09'))],
  ['a number for metadata', protobufBody('v1', 'ConfigMap', varintField(1, 7))],
  ['a number for a name', protobufBody('v1', 'ConfigMap', bytesField(1, varintField(1, 7)))],
  [
    'a text for a generation',
    protobufBody('v1', 'ConfigMap', bytesField(1, bytesField(7, Buffer.from('x')))),
  ],
  ['a number for a map', protobufBody('v1', 'ConfigMap', varintField(2, 7))],
  ['a text for a flag', protobufBody('v1', 'ConfigMap', bytesField(4, Buffer.from('x')))],
  ['the end of a group', protobufBody('v1', 'ConfigMap', Buffer.from([0x0c]))],
  ['a field without a number', protobufBody('v1', 'ConfigMap', Buffer.from([0x00]))],
  ['a number without an end', protobufBody('v1', 'ConfigMap', Buffer.alloc(12, 0xff))],
];

const misfits = MISFITS.map(([what, body]) =>
  story(
    `${what} in place of protobuf`,
    post(CONFIG_MAPS, body, PROTOBUF),
    inProtobuf(post(CONFIG_MAPS, body)),
    ...(body.length === 0 ? [] : [{ ...remove(`${CONFIG_MAPS}/none`, body), type: PROTOBUF }]),
  ),
);

const fitting = story(
  'protobuf with fields that nobody knows',
  post(
    CONFIG_MAPS,
    protobufBody(
      'v1',
      'ConfigMap',
      Buffer.concat([
        bytesField(1, bytesField(1, Buffer.from('x'))),
        varintField(99, 7),
        bytesField(98, nothing),
      ]),
    ),
    PROTOBUF,
  ),
);

const custom = story(
  'custom resources and protobuf',
  post(WIDGETS, widget('w')),
  accepting(PROTOBUF, post(WIDGETS, widget('v'))),
  ...whole([
    get(`${WIDGETS}/w`),
    get(WIDGETS),
    get(`${WIDGETS}?watch=1`),
    get(`${WIDGETS}/w/scale`),
    merge(`${WIDGETS}/w`, {}),
  ]),
  accepting(`${PROTOBUF},application/json`, get(`${WIDGETS}/w`)),
  accepting(`${PROTOBUF},application/json`, get(`${WIDGETS}/none`)),
  accepting(METADATA, get(`${WIDGETS}/w`)),
  accepting(METADATA, get(`${WIDGETS}/w/scale`)),
  accepting(METADATA, watch(WIDGETS, 1)),
  accepting(METADATA_LIST, get(WIDGETS)),
  accepting(METADATA_LIST, get(`${WIDGETS}/w`)),
  accepting(METADATA, get(WIDGETS)),
  accepting(METADATA_LIST, watch(WIDGETS, 1)),
  inProtobuf(remove(`${WIDGETS}/w`)),
);

const scale = story(
  'a scale in protobuf',
  post(WIDGETS, widget('w')),
  {
    ...put(`${WIDGETS}/w/scale`, {
      apiVersion: 'autoscaling/v1',
      kind: 'Scale',
      metadata: { name: 'w', namespace: '{ns}' },
      spec: { replicas: 3 },
    }),
    type: PROTOBUF,
  },
  get(`${WIDGETS}/w`),
);

const discovery = story(
  'discovery in protobuf',
  inProtobuf(part('/api', (body) => ({ ...(body as object), serverAddressByClientCIDRs: undefined }))),
  ...['/apis/coppice.dev', '/apis/example.com', '/apis/coordination.k8s.io'].map((path) =>
    inProtobuf(get(path)),
  ),
  inProtobuf(part('/apis', (body) => (body as { kind: string }).kind)),
  inProtobuf(get('/apis/example.com/v1')),
);

/** What Go's clients send and read. */
export const protobuf: readonly Case[] = [
  ...SAMPLES.flatMap(casesOf),
  reviews,
  ...misfits,
  fitting,
  custom,
  scale,
  discovery,
];
