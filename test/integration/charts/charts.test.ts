import { beforeAll, describe, expect, it } from 'vitest';
import { Helm, type Rendered } from './helm.ts';

const found = await Helm.find();
const title = 'the chart of the operator and its daemons';
const MONITORING = ['monitoring.coreos.com/v1'];

describe.skipIf(found === undefined)(found === undefined ? `${title} (no helm)` : title, () => {
  const helm = found as Helm;
  let plain: Rendered;

  beforeAll(async () => {
    plain = await helm.render('coppice');
  });

  it('opens the port for joining where it is told to, and never that of the metrics', async () => {
    const service = { type: 'NodePort', nodePort: 30_443, annotations: { a: 'b' } };
    const open = await helm.render('coppice', { join: { service } });
    const join = open.one('Service', 'coppice-operator');
    expect(join.spec).toMatchObject({ type: 'NodePort', ports: [{ port: 8443, nodePort: 30_443 }] });
    expect(join.spec.ports).toHaveLength(1);
    expect(join.metadata.annotations).toEqual({ a: 'b' });
    const metrics = open.one('Service', 'coppice-operator-metrics');
    expect(metrics.spec).toMatchObject({ type: 'ClusterIP', ports: [{ name: 'metrics', port: 8080 }] });
    expect(metrics.metadata.annotations).toBeUndefined();
    const { labels } = plain.one('Deployment').spec.template.metadata;
    for (const { spec } of [join, metrics]) expect(labels).toMatchObject(spec.selector);
  });

  it('lets Prometheus find the Service of the metrics, and no other', async () => {
    const monitored = await helm.render('coppice', { serviceMonitor: { enabled: true } }, MONITORING);
    const { selector, endpoints } = monitored.one('ServiceMonitor').spec;
    const selected = monitored
      .all('Service')
      .filter(({ metadata: { labels = {} } }) =>
        Object.entries(selector.matchLabels ?? {}).every(([name, value]) => labels[name] === value),
      );
    expect(selected.map(({ metadata }) => metadata.name)).toEqual(['coppice-operator-metrics']);
    expect(endpoints).toEqual([{ port: 'metrics', interval: '30s' }]);
    expect(plain.names('ServiceMonitor')).toEqual([]);
  });
});
