import { describe, expect, it } from 'vitest';
import { callerIn } from './callers.ts';

const OPERATORS = 'coppice:operators';

describe('who a certificate was issued to', () => {
  it.each([
    ['DNS:host-a.host.coppice', 'host-a'],
    ['DNS:host-a.host.coppice, URI:urn:uuid:6f2a', 'host-a'],
    ['IP Address:127.0.0.1, DNS:h.host.coppice', 'h'],
  ])('is a host: %s', (subjectaltname, name) => {
    expect(callerIn({ subject: {}, subjectaltname })).toEqual({ kind: 'host', name });
  });

  it.each([OPERATORS, ['others', OPERATORS]])('is an operator: %s', (O) => {
    expect(callerIn({ subject: { O } })).toEqual({ kind: 'operator' });
  });

  it.each([
    ['nobody', {}],
    ['another organization', { subject: { O: 'others' } }],
    ['another domain', { subjectaltname: 'DNS:host-a.host.coppice.example' }],
    ['the operator where hosts join', { subjectaltname: 'DNS:operator.coppice' }],
    ['all hosts', { subjectaltname: 'DNS:*.host.coppice' }],
    ['a deeper name', { subjectaltname: 'DNS:a.host-a.host.coppice' }],
    ['a name in upper case', { subjectaltname: 'DNS:HOST-A.host.coppice' }],
    ['two hosts', { subjectaltname: 'DNS:host-a.host.coppice, DNS:host-b.host.coppice' }],
    ['a name within another', { subjectaltname: 'DNS:"x, DNS:host-a.host.coppice"' }],
    ['a URI', { subjectaltname: 'URI:DNS:host-a.host.coppice' }],
    ['no name', { subjectaltname: 'DNS:.host.coppice' }],
  ])('is neither: %s', (_, certificate) => {
    expect(() => callerIn(certificate)).toThrow('use a certificate issued to operators');
  });
});
