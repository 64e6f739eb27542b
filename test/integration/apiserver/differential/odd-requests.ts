/** Requests that could make a server fail: each is answered, and as kube-apiserver answers it. */

import { type Case, CONFIG_MAPS, configMap, get, merge, post, story, WIDGETS, widget } from './case.ts';

const owned = (fieldsV1: unknown) => ({
  managedFields: [{ manager: 'm', operation: 'Update', apiVersion: 'v1', fieldsType: 'FieldsV1', fieldsV1 }],
});

const ODD: readonly unknown[] = [1, true, 'a', [], ['a'], [1, 2], { a: 1 }, 1.5];

/** What a server could stumble over; which types fit where is the affair of other stories. */
export const oddRequests: readonly Case[] = [
  story('paths of nothing but slashes', get('//'), get('///'), post('//', {})),
  story(
    'a resourceVersion of what is new',
    post(CONFIG_MAPS, configMap('c', {}, { resourceVersion: '1' })),
    post(`${CONFIG_MAPS}?dryRun=All`, configMap('c', {}, { resourceVersion: '1' })),
    post(`${WIDGETS}?dryRun=All`, widget('w', {}, { resourceVersion: '1' })),
  ),
  ...ODD.map((value) =>
    story(
      `fieldsV1 with ${JSON.stringify(value)} inside`,
      ...[value, { 'f:data': value }, { 'f:data': { 'f:a': value } }].flatMap((fields, index) => [
        post(CONFIG_MAPS, configMap(`c${index}`, { a: 'b' }, owned(fields))),
        merge(`${CONFIG_MAPS}/c${index}`, { data: { b: 'c' }, metadata: owned(fields) }),
      ]),
    ),
  ),
];
