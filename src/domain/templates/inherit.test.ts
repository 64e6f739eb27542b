import { describe, expect, it } from 'vitest';
import { aTemplate } from '../../../test/builders/objects.ts';
import type { Template } from '../../api/kinds.ts';
import { wholeTemplate } from './inherit.ts';

type Guest = Partial<Template['spec']['guest']>;
type Container = Template['spec']['container'];

const KERNEL = { url: 'https://example.com/vmlinux', sha256: 'e'.repeat(64) };
const BOOT = { kernel: KERNEL, commandLine: 'quiet' };
const STATIC: Container = { type: 'static-site', port: 8080, scheme: 'http' };

function layer(name: string, guest: Guest, container?: Container, status: Template['status'] = {}): Template {
  const { container: _, ...spec } = aTemplate().spec;
  const whole = {
    ...spec,
    guest: { ...spec.guest, ...guest },
    ...(container === undefined ? {} : { container }),
  };
  return { ...aTemplate({ metadata: { name } }), spec: whole, status };
}

/** From the template itself to its root. */
function whole(...chain: readonly Template[]) {
  const [template] = chain;
  if (template === undefined) throw new Error('a chain has a template');
  return wholeTemplate(template, (child) => chain[chain.indexOf(child) + 1]);
}

describe('a template with what it has from its parents', () => {
  it('has the defaults when nobody says anything', () => {
    expect(whole(layer('a', {})).spec.container).toEqual({ type: 'command', port: 80, scheme: 'http' });
  });

  it('has the container and the settings of the nearest that makes them', () => {
    const root = layer(
      'root',
      { boot: BOOT, diskBus: 'scsi', minimumMemory: '1Gi', onClone: 'Hook' },
      STATIC,
    );
    const middle = layer('middle', { minimumMemory: '2Gi' });
    const { guest, container } = whole(layer('leaf', {}), middle, root).spec;
    expect(container).toEqual(STATIC);
    expect(guest).toEqual({
      os: 'linux',
      agent: 'qemu-guest-agent',
      boot: BOOT,
      diskBus: 'scsi',
      minimumMemory: '2Gi',
      onClone: 'Hook',
    });
  });

  it('boots with the kernel that it inherits, and with no other', () => {
    const parents = { disk: '1'.repeat(64), kernel: '2'.repeat(64), initrd: '3'.repeat(64) };
    const root = layer('root', { boot: BOOT }, STATIC, { layers: parents });
    const own = { layers: { disk: '4'.repeat(64) } };
    expect(whole(layer('leaf', {}, undefined, own), root).status?.layers).toEqual({
      ...parents,
      ...own.layers,
    });
    const withKernel = layer('leaf', { boot: BOOT }, undefined, own);
    expect(whole(withKernel, root).status?.layers).toEqual(own.layers);
    expect(whole(layer('leaf', { firmware: 'uefi' }, undefined, own), root)).toMatchObject({
      spec: { guest: { firmware: 'uefi' } },
      status: { layers: own.layers },
    });
    expect(whole(layer('leaf', { firmware: 'uefi' }), root).spec.guest.boot).toBeUndefined();
  });

  it('has the CD of the nearest that names one', () => {
    const cd = { url: 'https://example.com/tools.iso', sha256: 'c'.repeat(64) };
    const root = layer('root', { cd }, STATIC, { layers: { disk: '1'.repeat(64), cd: '5'.repeat(64) } });
    const own = { layers: { disk: '4'.repeat(64) } };
    expect(whole(layer('leaf', {}, undefined, own), root)).toMatchObject({
      spec: { guest: { cd } },
      status: { layers: { ...own.layers, cd: '5'.repeat(64) } },
    });
    expect(whole(layer('leaf', { cd }, undefined, own), root).status?.layers).toEqual(own.layers);
  });

  it('sets its guest up in one way', () => {
    const packages = [{ url: 'https://example.com/agent.deb', sha256: 'a'.repeat(64) }];
    const root = layer('root', { init: 'cloud-init', agentPackages: packages });
    expect(whole(layer('leaf', {}), root).spec.guest).toMatchObject({
      init: 'cloud-init',
      agentPackages: packages,
    });
    const { init, agentPackages } = whole(layer('leaf', { init: 'none' }), root).spec.guest;
    expect([init, agentPackages]).toEqual(['none', undefined]);
  });

  it('comes to an end in a circle', () => {
    const a = layer('a', {});
    expect(wholeTemplate(a, () => a).spec.container.type).toBe('command');
  });
});
