import type { Template } from '../../src/api/kinds.ts';
import { ANNOTATION_VERIFY } from '../../src/api/labels.ts';
import type { LayerIdentity } from '../../src/host/protocol.ts';
import type { OperatorContext } from '../context.ts';
import { callDaemon } from '../daemons/daemon-errors.ts';
import type { HostView } from '../daemons/view.ts';
import { identitiesOf, layersOf } from '../objects/template-files.ts';
import { layersBelow } from '../objects/template-lineage.ts';

type Verification = NonNullable<NonNullable<Template['status']>['verification']>;

/** Of so many hosts it is said what is wrong. */
const MOST_NAMED = 20;

/** A layer of the template, or one that its disk stands on, and a host that has it and answers. */
interface Copy {
  readonly view: HostView;
  readonly identity: LayerIdentity;
}

function copiesOf(template: Template, { caches, views }: OperatorContext): readonly Copy[] {
  const below = layersBelow(template, (key) => caches.templates.get(key));
  const names = [...new Set([...below, ...identitiesOf(layersOf(template))])];
  return views
    .list()
    .filter(({ link }) => link.state === 'connected')
    .flatMap((view) =>
      names.flatMap((identity) =>
        (view.layers.get(identity)?.state ?? 'Fetching') === 'Fetching' ? [] : [{ view, identity }],
      ),
    );
}

/** How far hosts are that read the template's layers again; undefined when nobody asked for it. */
export function verificationOf(template: Template, context: OperatorContext): Verification | undefined {
  const requested = template.metadata.annotations?.[ANNOTATION_VERIFY];
  if (requested === undefined) return undefined;
  const before = template.status?.verification;
  // What was found stays, whatever hosts have forgotten since.
  if (before?.requested === requested && before.running === 0) return before;
  const found = copiesOf(template, context).map(({ view, identity }) => {
    const { verification } = view.layers.get(identity) ?? {};
    const isOfThis = verification?.request === requested;
    return { host: view.name, identity, verification: isOfThis ? verification : undefined };
  });
  const count = (state: string) => found.filter(({ verification }) => verification?.state === state).length;
  const problems = found.flatMap(({ host, identity, verification }) =>
    verification?.state === 'Damaged' || verification?.state === 'Failed'
      ? [
          {
            host,
            layer: identity,
            message: verification.message ?? 'its content is another one than its name says',
          },
        ]
      : [],
  );
  const [sound, damaged, failed] = [count('Sound'), count('Damaged'), count('Failed')];
  const running = found.length - sound - damaged - failed;
  return {
    requested,
    running,
    sound,
    damaged,
    failed,
    ...(problems.length === 0 ? {} : { problems: problems.slice(0, MOST_NAMED) }),
  };
}

/** Asks the hosts that have not begun. A daemon that started since has forgotten, and is asked again. */
export async function verify(
  template: Template,
  context: OperatorContext,
  signal: AbortSignal,
): Promise<void> {
  const request = template.metadata.annotations?.[ANNOTATION_VERIFY];
  const { requested, running } = template.status?.verification ?? {};
  if (request === undefined || (requested === request && running === 0)) return;
  for (const { view, identity } of copiesOf(template, context)) {
    if (view.layers.get(identity)?.verification?.request === request) continue;
    const daemon = context.links.client(view.name);
    if (daemon !== undefined) await callDaemon(daemon.verifyLayer(identity, { request }, { signal }));
  }
}
