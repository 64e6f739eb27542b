import { describe, expect, it } from 'vitest';
import { evaluateJsonPath } from './jsonpath.ts';

const object = {
  metadata: { name: 'web', annotations: { 'a.b/c': 'dotted' } },
  spec: {
    replicas: 3,
    empty: '',
    services: [
      { name: 'a', port: 80 },
      { name: 'b', port: 443, tls: true },
    ],
  },
  status: {
    conditions: [
      { type: 'Reconciling', status: 'False' },
      { type: 'Ready', status: 'True', reason: 'Up' },
    ],
  },
};

describe('evaluateJsonPath', () => {
  it.each([
    ['.spec.replicas', 3],
    ['{.spec.replicas}', 3],
    ['$.spec.replicas', 3],
    ['spec.replicas', 3],
    ['.spec.empty', ''],
    ['.spec.missing.deeper', undefined],
    ['.metadata.annotations.a\\.b/c', 'dotted'],
    [".metadata.annotations['a.b/c']", 'dotted'],
    ['.metadata["name"]', 'web'],
    ['.spec.services[0].name', 'a'],
    ['.spec.services[-1].name', 'b'],
    ['.spec.services[7].name', undefined],
    ['.spec.services[*].name', ['a', 'b']],
    ['.spec.services[0:1].name', 'a'],
    ['.spec.services[0,1].port', [80, 443]],
    ['.status.conditions[?(@.type=="Ready")].status', 'True'],
    [".status.conditions[?(@.type=='Ready')].reason", 'Up'],
    ['.status.conditions[?(@.type!="Ready")].type', 'Reconciling'],
    ['.status.conditions[?(@.type=="Stalled")].status', undefined],
    ['.spec.services[?(@.port>100)].name', 'b'],
    ['.spec.services[?(@.tls==true)].name', 'b'],
    ['.spec.services[?(@.tls)].name', 'b'],
    ['..port', [80, 443]],
  ])('%s', (path, expected) => {
    expect(evaluateJsonPath(object, path)).toEqual(expected);
  });

  it.each(['.spec[', '.spec.services[x]', '.spec]'])('refuses %s', (path) => {
    expect(() => evaluateJsonPath(object, path)).toThrow(SyntaxError);
  });
});
