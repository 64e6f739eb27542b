import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { applianceOf, createCertificates, importFile } from '../../integration/hostd/fixtures.ts';
import { describeUnless } from '../../skip.ts';
import { buildCloudImage, type CloudImage, noCloudImage } from '../cloud-image.ts';
import { Lan, whyNoBridges } from '../network/lan.ts';
import { NetworkHost } from '../network/network-host.ts';
import { isQemu, killAndWait, processesNaming } from '../processes.ts';
import { noQemu } from './scene.ts';

/** A boot takes two minutes, and many more on a machine on which others want to run. */
const BOOT_SECONDS = 1200;
const ADDRESS = '10.77.0.21';
const GATEWAY = '10.77.0.1';
const NAME_SERVERS = ['10.77.0.1', '10.77.0.2'];
/** Serves how the guest's network was set, and whether the agent had a hand in it. */
const SERVICE = `mkdir -p /run/site && cd /run/site && {
  ip -4 -o addr show dev eth0 | awk '{print $4}'; ip route show default | cut -d' ' -f1-5
  resolvectl dns eth0 | cut -d: -f2; ls /run/systemd/network/00-coppice.network
} >network 2>/dev/null; exec python3 -m http.server 8080`;

describeUnless(noQemu ?? noCloudImage ?? whyNoBridges, 'a cloud image on a bridge', () => {
  let directory: string;
  let image: CloudImage;
  let lan: Lan;
  let host: NetworkHost;

  beforeAll(async () => {
    image = await buildCloudImage(resolve(import.meta.dirname, '../../..'));
    directory = await mkdtemp(join(tmpdir(), 'coppice-cloud-bridge-'));
    lan = await Lan.create(1);
    await lan.makeBridge(0);
    const fileRoots = [dirname(image.disk.path)];
    const certificates = await createCertificates();
    host = new NetworkHost({ namespace: lan.host(0), directory, certificates, fileRoots });
    await host.start();
  });
  afterAll(async () => {
    await host?.kill();
    for (const vm of (await processesNaming(directory)).filter(isQemu)) await killAndWait(vm.pid);
    await lan?.close();
    await rm(directory, { recursive: true, force: true });
  });

  it('sets the address of its pool by itself, where there is no DHCP', {
    timeout: 2 * BOOT_SECONDS * 1000,
  }, async () => {
    const urlOf = (path: string) => pathToFileURL(path).href;
    const { disk, agentPackages } = image;
    const file = { sha256: disk.sha256, url: urlOf(disk.path) };
    const layer = await importFile(host, file, { template: 'default/cloud' });
    const appliance = applianceOf(layer, {
      boot: { kind: 'firmware' },
      cloudInit: {
        sshAuthorizedKeys: [],
        userData: '#cloud-config\nssh_genkeytypes: [ed25519]\n',
        agentPackages: agentPackages.map(({ path, sha256 }) => ({ url: urlOf(path), sha256 })),
      },
      resources: { cpuMillis: 1000, memoryBytes: 1024 * 1024 * 1024 },
      network: {
        mode: 'bridge',
        ports: [{ name: 'http', guestPort: 8080 }],
        ...{ address: ADDRESS, prefixLength: 24, gateway: GATEWAY, dns: NAME_SERVERS },
      },
      service: {
        name: 'network',
        container: { type: 'command', port: 8080 },
        parameters: { command: ['/bin/sh', '-c', SERVICE], probe: { kind: 'http', path: '/network' } },
      },
      agentTimeoutSeconds: BOOT_SECONDS,
      serviceTimeoutSeconds: BOOT_SECONDS,
    });
    await host.putAppliance(appliance);
    const status = await host.untilAvailable(appliance.uuid, BOOT_SECONDS * 1000);
    expect(status.accessPoints).toEqual([`http://${ADDRESS}:8080/`]);
    expect(await host.fetch(`http://${ADDRESS}:8080/network`)).toBe(
      `${ADDRESS}/24\ndefault via ${GATEWAY} dev eth0\n ${NAME_SERVERS.join(' ')}\n`,
    );
  });
});
