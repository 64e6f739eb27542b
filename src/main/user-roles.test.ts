import { describe, expect, it } from 'vitest';
import { userRoles } from './user-roles.ts';

const kind = (plural: string, scope: string, ...subresources: string[]) => ({
  spec: {
    scope,
    names: { plural },
    versions: [{ subresources: Object.fromEntries(subresources.map((name) => [name, {}])) }, {}],
  },
});
const roles = userRoles([
  kind('tasks', 'Namespaced', 'status', 'scale'),
  kind('ippools', 'Namespaced', 'status'),
  kind('hosts', 'Cluster', 'status'),
]);
const CHANGE = ['create', 'delete', 'deletecollection', 'patch', 'update'];

describe('what users of the default roles may do', () => {
  it('is to read everything, to change what is in a namespace, and, for administrators, its pools', () => {
    const group = { apiGroups: ['coppice.dev'] };
    const streams = { apiGroups: ['subresources.coppice.dev'] };
    expect(roles.map(({ role, rules }) => [role, rules])).toEqual([
      [
        'view',
        [
          {
            ...group,
            resources: [
              'hosts',
              'hosts/status',
              'ippools',
              'ippools/status',
              'tasks',
              'tasks/scale',
              'tasks/status',
            ],
            verbs: ['get', 'list', 'watch'],
          },
          { ...streams, resources: ['templates/log', 'virtualappliances/log'], verbs: ['get'] },
        ],
      ],
      [
        'edit',
        [
          { ...group, resources: ['tasks'], verbs: CHANGE },
          { ...group, resources: ['tasks/scale'], verbs: ['patch', 'update'] },
          {
            ...streams,
            resources: ['templates/upload', 'virtualappliances/console', 'virtualappliances/exec'],
            verbs: ['create', 'get'],
          },
        ],
      ],
      ['admin', [{ ...group, resources: ['ippools'], verbs: CHANGE }]],
    ]);
  });

  it('is aggregated into each role and those that contain it', () => {
    expect(
      roles.map(({ labels }) => Object.keys(labels).map((label) => label.split('aggregate-to-')[1])),
    ).toEqual([['view', 'edit', 'admin'], ['edit', 'admin'], ['admin']]);
  });
});
