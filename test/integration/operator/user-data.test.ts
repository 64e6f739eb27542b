import { Writable } from 'node:stream';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  HOSTS,
  SECRETS,
  SERVICE_DEPLOYMENTS,
  TEMPLATES,
  VIRTUAL_APPLIANCES,
} from '../../../src/api/kinds.ts';
import type { KubeObject, ResourceRef } from '../../../src/base/object.ts';
import { EVENTS } from '../../../src/kube/events/event-record.ts';
import type { Operator } from '../../../src/main/operator.ts';
import { expectStanding, RECONCILING } from '../../expectations/conditions.ts';
import { grantSecrets } from '../../kubernetes/operator-account.ts';
import { eventually } from './eventually.ts';
import { World } from './world.ts';

const NAME = { namespace: 'default', name: 'boot' };
const TEXT = 'a-word-that-nobody-else-says';
const userData = (word: string) => `#cloud-config\nchpasswd: {users: [{name: ops, password: ${word}}]}\n`;
const base64 = (text: string) => Buffer.from(text).toString('base64');
const told = { parameters: { cloudInit: { userDataSecret: { name: NAME.name, key: 'userdata' } } } };

describe('user data in a Secret', () => {
  let world: World;
  let operator: Operator;
  let logged = '';

  beforeAll(async () => {
    const stream = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        logged += chunk.toString();
        done();
      },
    });
    const log = pino({ level: 'trace' }, stream);
    world = await World.start({}, process.env, log);
    await world.addHost('host-a');
    operator = await world.newFastOperator(10, { log });
    await world.addTemplate('debian', { spec: { guest: { init: 'cloud-init' } } });
  });
  afterAll(async () => {
    await operator?.close();
    await world?.stop();
  });

  const says = (reason: string, ...words: readonly string[]) =>
    eventually(`it says ${reason}, ${words.join(', ')}`, async () => {
      const message = expectStanding((await world.appliance('web')).status?.conditions, RECONCILING, reason);
      for (const word of words) expect(message).toContain(word);
    });
  const keep = (data: Readonly<Record<string, string>>) => world.kube.patch(SECRETS, NAME, { data });
  const uidOf = async (name: string) => (await world.appliance(name)).metadata.uid ?? '';
  const toldTo = (name: string) =>
    eventually(`${name} has its user data`, async () => {
      const { cloudInit } = await world.daemons.desiredOn('host-a', await uidOf(name));
      expect(cloudInit?.userData).toBeDefined();
      return cloudInit?.userData;
    });

  it('is waited for until the operator may read it, it is there, and cloud-init could read it', async () => {
    await world.addAppliance('web', told);
    await says('SecretRefused', 'default/boot', 'rbac.secretNamespaces');
    await grantSecrets(world.kube, 'default');
    await says('SecretNotFound', 'Secret default/boot', 'create it');
    const object = { apiVersion: 'v1', kind: 'Secret', metadata: { ...NAME }, data: { other: base64(TEXT) } };
    await world.kube.create(SECRETS, object);
    await says('SecretNotFound', 'has no key userdata');
    await keep({ userdata: base64(`password: ${TEXT}\n`) });
    await says('UserDataInvalid', 'key userdata of Secret default/boot', 'begins with none of the lines');
    await keep({ userdata: base64(`#cloud-config\npassword: "${TEXT}\n`) });
    await says('UserDataInvalid', 'its YAML cannot be read');
    expect(await world.daemons.appliancesOn('host-a')).toEqual([]);
    await keep({ userdata: base64(userData(TEXT)) });
    expect(await toldTo('web')).toBe(userData(TEXT));
  });

  it('is read once more for the next VM, and not for those that are there', async () => {
    await keep({ userdata: base64(userData(`${TEXT}-2`)) });
    await world.deploy('shop', told);
    expect(await toldTo('shop-web-0')).toBe(userData(`${TEXT}-2`));
    expect(await toldTo('web')).toBe(userData(TEXT));
  });

  it('is in no log, no Event and no object, and a daemon tells it to nobody', async () => {
    const kinds: readonly ResourceRef[] = [
      ...[HOSTS, TEMPLATES, SERVICE_DEPLOYMENTS, VIRTUAL_APPLIANCES, EVENTS],
    ] as ResourceRef<KubeObject>[];
    const objects = await Promise.all(kinds.map(async (ref) => (await world.kube.list(ref)).items));
    for (const found of objects) expect(found).not.toEqual([]);
    const answers = await world.daemons.answersOf('host-a');
    for (const text of [JSON.stringify(objects), JSON.stringify(answers), logged]) {
      expect(text).toContain('shop-web-0');
      expect(text).not.toContain(TEXT);
      expect(text).not.toContain(base64(userData(TEXT)).slice(0, -8));
    }
  });
});
