import { load } from 'js-yaml';
import { describe, expect, it } from 'vitest';
import { VENDOR_DATA } from './install-agent.ts';
import { type SeedRequest, seedTexts } from './seed.ts';
import { userDataProblem } from './user-data.ts';

const request: SeedRequest = {
  uuid: '6a0ef1b5-94a1-4d3b-8f3d-0a5b0f8a3c11',
  hostname: 'web-0',
  mac: '52:54:00:00:00:01',
  sshAuthorizedKeys: ['ssh-ed25519 AAAA "quoted": {somebody}'],
  userData: undefined,
};

describe('the seed of a guest with cloud-init', () => {
  it('says who it is, and asks for an address by DHCP', () => {
    const texts = seedTexts(request);
    expect(Object.keys(texts)).toEqual(['meta-data', 'network-config', 'user-data', 'vendor-data']);
    expect(load(texts['meta-data'] ?? '')).toEqual({
      'instance-id': request.uuid,
      'local-hostname': 'web-0',
      'public-keys': request.sshAuthorizedKeys,
    });
    expect(load(texts['network-config'] ?? '')).toEqual({
      version: 2,
      ethernets: {
        eth0: { match: { macaddress: request.mac }, 'set-name': 'eth0', dhcp4: true },
      },
    });
    expect(userDataProblem(texts['user-data'] ?? '')).toBeUndefined();
    expect(texts['vendor-data']).toBe(VENDOR_DATA);
  });

  it.each([
    ['IPv4', '10.0.8.4', 24, '10.0.8.1', '0.0.0.0/0'],
    ['IPv6', 'fd00::4', 64, 'fd00::1', '::/0'],
  ])('sets an address of %s, with its gateway and servers', (_, address, prefixLength, gateway, to) => {
    const texts = seedTexts({
      ...request,
      address: { address, prefixLength, gateway, dns: ['10.0.8.2', 'fd00::2'] },
    });
    expect(load(texts['network-config'] ?? '')).toMatchObject({
      ethernets: {
        eth0: {
          dhcp4: false,
          dhcp6: false,
          'accept-ra': false,
          addresses: [`${address}/${prefixLength}`],
          routes: [{ to, via: gateway }],
          nameservers: { addresses: ['10.0.8.2', 'fd00::2'] },
        },
      },
    });
  });

  it('leaves out the gateway and the servers that a network has not', () => {
    const address = { address: '10.0.8.4', prefixLength: 24, dns: [] };
    const text = seedTexts({ ...request, address })['network-config'] ?? '';
    expect(text).not.toMatch(/routes|nameservers/);
  });

  it('has user data as its author wrote it', () => {
    const userData = '#!/bin/sh\necho "grüß dich" # \\n\n';
    expect(seedTexts({ ...request, userData })['user-data']).toBe(userData);
  });
});

describe('user data', () => {
  it.each([
    '#cloud-config\n',
    '#cloud-config\nhostname: a\nhostname: b\n',
    '#cloud-config\r\npackages: [curl]\r\n',
    '#cloud-config\nbase: &base {a: 1}\nother: *base\n',
    '#cloud-config-archive\n- "#cloud-config\\npackages: [curl]"\n',
    '#!/bin/sh\n: [\n',
    '#cloud-boothook\n: [',
    '#include\nhttps://example.com/data\n',
    '## template: jinja\n#cloud-config\n{% if true %}: [{% endif %}\n',
    'Content-Type: multipart/mixed; boundary="x"\nMIME-Version: 1.0\n\n--x--\n',
  ])('may be %j', (text) => {
    expect(userDataProblem(text)).toBeUndefined();
  });

  it.each([
    ['packages: [curl]\n', /begins with none of the lines/],
    ['\n#cloud-config\n', /begins with none of the lines/],
    ['#cloud-config\n- a\n', /its YAML is not a map of settings/],
    ['#cloud-config\njust text\n', /its YAML is not a map of settings/],
    ['#cloud-config-archive\na: 1\n', /its YAML is not a list of parts/],
    ['#cloud-config\na: 1\n---\nb: 1\n', /several documents/],
    ['#cloud-config\na: [\n', /its YAML cannot be read/],
    ['#cloud-config\na: &a [x]\nb: [*b]\n', /its YAML cannot be read/],
  ])('may not be %j', (text, problem) => {
    expect(userDataProblem(text)).toMatch(problem);
  });

  it.each(['"hunter2', '*hunter2', '!hunter2 x', 'a: hunter2: b'])(
    'is not quoted as %s: it may be a secret',
    (value) => {
      const problem = userDataProblem(`#cloud-config\npassword: ${value}\n`);
      expect(problem).toMatch(/its YAML cannot be read: .*\([0-9]+:[0-9]+\)$/);
      expect(problem).not.toContain('hunter2');
    },
  );

  it('cannot make the operator busy with aliases', () => {
    const levels = Array.from({ length: 200 }, (_, at) => `a${at + 1}: &a${at + 1} [*a${at}, *a${at}]`);
    expect(userDataProblem(`#cloud-config\na0: &a0 [x]\n${levels.join('\n')}\n`)).toMatch(/cannot be read/);
  });
});
