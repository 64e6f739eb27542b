import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { accessPoint } from './access-point.ts';
import { planService } from './builders.ts';
import { inFolder, reasonOf, runHere, valuesOf } from './testing/plans.ts';
import type { GuestAction, PackageFacts, ServicePlan, ServiceRequest } from './types.ts';

const SITE: PackageFacts = {
  ...{ kind: 'archive', fileName: 'shop.tar.gz', sizeBytes: 10 },
  ...{ format: 'tar.gz', unpackedBytes: 20 },
};

function request(overrides: Partial<ServiceRequest> = {}): ServiceRequest {
  return {
    serviceName: 'web',
    package: SITE,
    container: { type: 'static-site', port: 8080 },
    parameters: {},
    ...overrides,
  };
}

function command(overrides: Partial<ServiceRequest> = {}): ServiceRequest {
  return request({
    container: { type: 'command', port: 8080 },
    parameters: { command: ['./run', 'a b', '$(reboot)'] },
    ...overrides,
  });
}

function files(...names: string[]): PackageFacts {
  return { kind: 'files', files: names.map((name) => ({ name, sizeBytes: 1 })) };
}

function scriptOf(action: GuestAction | undefined): string | undefined {
  return action?.kind === 'exec' ? action.argv[2] : undefined;
}

describe('the name of a service', () => {
  it.each<[string, Partial<ServiceRequest>, string]>([
    [
      'the parameters, before all',
      { parameters: { serviceName: 'mine' }, package: { ...SITE, descriptor: { name: 'theirs' } } },
      'mine',
    ],
    [
      "the package's service.json",
      { package: { ...SITE, descriptor: { name: 'theirs', version: 2 } } },
      'theirs',
    ],
    ["the file's name, when service.json has none", { package: { ...SITE, descriptor: {} } }, 'shop'],
    ["the file's name without its extension", {}, 'shop'],
    [
      'a file name that is made a label',
      { package: { ...SITE, fileName: 'My Shop_2.0.zip', format: 'zip' } },
      'my-shop-2-0',
    ],
    [
      'the deployment, when nothing of the file name is left',
      { package: { ...SITE, fileName: '_.tar' } },
      'web',
    ],
    ['the deployment, for inline files', { package: files('a', 'b') }, 'web'],
    ['the deployment, without a package', { package: { kind: 'none' } }, 'web'],
  ])('comes from %s', (_source, overrides, name) => {
    expect(planService(request(overrides)).name).toBe(name);
  });
});

describe('static-site', () => {
  const plan: ServicePlan = planService(request());

  it('moves the package into the served directory through a staging directory', () => {
    expect(plan.actions.map((action) => action.title)).toEqual([
      'make an empty directory for the package',
      'transfer the package',
      'move the package into the served directory',
    ]);
    expect(valuesOf(plan.actions[0])).toEqual(['/srv/www', '.coppice-web']);
    expect(plan.actions[1]).toEqual({
      kind: 'putPackage',
      title: 'transfer the package',
      path: '/srv/www/.coppice-web/new',
      unpack: 'tar.gz',
      unpackedBytes: 20,
    });
    expect(valuesOf(plan.actions[2])).toEqual(['/srv/www', '.coppice-web']);
  });

  it('has a container that is ready when the server answers at all, and a service that needs the page', () => {
    const answer = { kind: 'http', port: 8080, path: '/', scheme: 'http' };
    expect(plan.containerProbe).toEqual({ ...answer, expectStatusBelow: 500 });
    expect(plan.serviceProbe).toEqual({ ...answer, expectStatusBelow: 400 });
    expect([plan.start, plan.stop]).toEqual([[], []]);
  });

  it('serves below parameters.path of the document root', () => {
    const below = planService(
      request({
        container: { type: 'static-site', port: 443, scheme: 'https', documentRoot: '/var/www/html' },
        parameters: { path: '/shop' },
      }),
    );
    expect(valuesOf(below.actions[2])?.[0]).toBe('/var/www/html/shop');
    expect(below.accessPath).toBe('/shop/');
    expect(below.serviceProbe).toMatchObject({ path: '/shop/', scheme: 'https' });
  });

  it.each<[string, PackageFacts, string]>([
    ['a page', files('index.html'), '/'],
    ['one other file', files('docs/read me.txt'), '/docs/read%20me.txt'],
    ['several files', files('a.txt', 'b.txt'), '/'],
    ['one file from a URL', { ...SITE, fileName: 'report.pdf', format: 'file' }, '/report.pdf'],
  ])('has an access path that answers, for %s', (_what, facts, path) => {
    expect(planService(request({ package: facts })).accessPath).toBe(path);
  });

  it('writes inline files, and a package of one file under its name', () => {
    expect(planService(request({ package: files('index.html') })).actions[1]).toEqual({
      kind: 'putFiles',
      title: 'transfer the package',
      directory: '/srv/www/.coppice-web/new',
    });
    const one = planService(request({ package: { ...SITE, fileName: 'index.html', format: 'file' } }));
    expect(one.actions[1]).toEqual({
      kind: 'putPackage',
      title: 'transfer the package',
      path: '/srv/www/.coppice-web/new/index.html',
    });
  });

  it("serves the template's own content when there is no package", () => {
    expect(planService(request({ package: { kind: 'none' } })).actions).toEqual([]);
  });
});

describe('command', () => {
  it('unpacks, runs and stops the program; the user’s values are arguments only', () => {
    const plan = planService(command());
    expect(valuesOf(plan.actions[0])).toEqual(['web', '/opt/coppice/web.releases']);
    expect(valuesOf(plan.actions[2])).toEqual(['/opt/coppice/web', '/opt/coppice/web.releases', './run', '']);
    const [name, directory, data, , ...argv] = valuesOf(plan.start[0]);
    expect([name, directory, data]).toEqual(['web', '/opt/coppice/web', '/var/lib/coppice/web']);
    expect(argv).toEqual(['./run', 'a b', '$(reboot)']);
    expect(valuesOf(plan.stop[0])).toEqual(['web']);
  });

  it('runs the same script whatever the request says', () => {
    const one = planService(command());
    const other = planService(command({ serviceName: 'x', parameters: { command: ['top'] } }));
    expect(scriptOf(one.start[0])).toBe(scriptOf(other.start[0]));
    expect(scriptOf(one.actions[2])).toBe(scriptOf(other.actions[2]));
  });

  it('runs a package of one program', () => {
    const plan = planService(
      command({ package: { ...SITE, fileName: 'server', format: 'file' }, parameters: {} }),
    );
    expect(valuesOf(plan.start[0]).slice(4)).toEqual(['./server']);
    expect(valuesOf(plan.actions[2])?.[2]).toBe('./server');
  });

  it('makes files without modes readable for everybody, and keeps the modes of an archive', () => {
    const modeAfter = (facts: ServiceRequest['package']) =>
      inFolder((folder) => {
        const staging = join(folder, 'web.releases/new');
        mkdirSync(staging, { recursive: true });
        writeFileSync(join(staging, 'key'), '', { mode: 0o600 });
        const parameters = { command: ['key'] };
        runHere(planService(command({ package: facts, parameters })).actions[2], /\/opt\/coppice/g, folder);
        return statSync(join(folder, 'web/key')).mode & 0o777;
      });
    expect(modeAfter(files('key'))).toBe(0o644);
    expect(modeAfter({ ...SITE, fileName: 'key', format: 'file' })).toBe(0o644);
    expect(modeAfter(SITE)).toBe(0o600);
  });

  it('probes the container’s port, unless the parameters give another probe', () => {
    const probeOf = (probe: ServiceRequest['parameters']['probe']) =>
      planService(command({ parameters: { command: ['run'], probe } })).serviceProbe;
    expect(probeOf(undefined)).toEqual({ kind: 'tcp', port: 8080 });
    expect(probeOf({ kind: 'tcp', port: 25 })).toEqual({ kind: 'tcp', port: 25 });
    expect(probeOf({ kind: 'exec', command: ['true'] })).toEqual({
      kind: 'exec',
      argv: ['true'],
      timeoutSeconds: 10,
    });
    expect(probeOf({ kind: 'http', path: '/up' })).toEqual({
      kind: 'http',
      port: 8080,
      path: '/up',
      scheme: 'http',
      expectStatusBelow: 400,
    });
  });

  it('installs nothing without a package', () => {
    expect(planService(command({ package: { kind: 'none' } })).actions).toEqual([]);
  });
});

describe('a request that cannot be carried out', () => {
  it.each<[string, ServiceRequest]>([
    ['UnknownContainerType', request({ container: { type: 'mainframe', port: 80 } })],
    ['InvalidServiceName', request({ serviceName: '../etc' })],
    ['InvalidServiceName', request({ serviceName: 'a'.repeat(64) })],
    ['InvalidServiceName', request({ parameters: { serviceName: 'Web' } })],
    ['InvalidServiceName', request({ package: { ...SITE, descriptor: { name: 'a b' } } })],
    ['InvalidServiceDescription', request({ package: { ...SITE, descriptor: ['name'] } })],
    ['InvalidServiceDescription', request({ package: { ...SITE, descriptor: { name: 7 } } })],
    ['UnsafeFileName', request({ package: files('ok', '../../etc/passwd') })],
    ['UnsafeFileName', request({ package: files('/etc/passwd') })],
    ['UnsafeFileName', request({ package: files('a//b') })],
    ['UnsafeFileName', request({ package: files('a\nb') })],
    ['UnsafeFileName', request({ package: files(`docs/${'ü'.repeat(128)}`) })],
    ['UnsafeFileName', request({ package: files('.coppice-web/x') })],
    ['UnsafeFileName', request({ package: { ...SITE, fileName: '..' } })],
    ['UnsafeFileName', command({ package: { ...SITE, fileName: 'a/b.tar' } })],
    ['InvalidPath', request({ parameters: { path: '/../up' } })],
    ['InvalidPath', request({ container: { type: 'static-site', port: 80, documentRoot: '/srv/../etc' } })],
    ['InvalidPath', command({ parameters: { command: ['x'], path: '/a b' } })],
    ['MissingCommand', command({ parameters: {} })],
    ['InvalidCommand', command({ parameters: { command: ['a\0b'] } })],
  ])('is refused as %s', (reason, wrong) => {
    expect(reasonOf(() => planService(wrong))).toBe(reason);
  });
});

describe('accessPoint', () => {
  it.each([
    [{ scheme: 'http', address: '10.0.8.4', port: 8080, path: '/shop' }, 'http://10.0.8.4:8080/shop'],
    [{ scheme: 'http', address: '10.0.8.4', port: 80, path: '/' }, 'http://10.0.8.4/'],
    [{ scheme: 'https', address: 'host-a.lan', port: 443, path: 'shop/' }, 'https://host-a.lan/shop/'],
    [{ scheme: 'https', address: '::1', port: 80, path: '' }, 'https://[::1]:80/'],
    [{ scheme: 'http', address: '[fd00::4]', port: 80, path: '//a//b' }, 'http://[fd00::4]/a/b'],
  ])('of %j is %s', (parts, url) => {
    expect(accessPoint(parts)).toBe(url);
    expect(URL.canParse(url)).toBe(true);
  });
});
