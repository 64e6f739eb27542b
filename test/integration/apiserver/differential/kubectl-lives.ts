import {
  apply,
  type Command,
  fails,
  keep,
  run,
  runWith,
  type Script,
  script,
  watching,
  widget,
} from './kubectl-commands.ts';

/** A change, and how many lines a watch prints of it. */
const leadsTo = (lines: number, command: Command) => ({ command, lines });
const patchA = (spec: string) => runWith('patch wi a --type=merge -p', `{"spec":${spec}}`);

const HOLD = 'example.com/hold';
const hold = (what: string) =>
  runWith(`patch ${what} --type=merge -p`, `{"metadata":{"finalizers":["${HOLD}"]}}`);
const release = (what: string) =>
  runWith(`patch ${what} --type=merge -p`, '{"metadata":{"finalizers":null}}');

/** Watches of objects as they come, change, and go. */
const watches: readonly Script[] = [
  script(
    'watch a table',
    apply(widget('a')),
    watching(
      run('get wi -w'),
      2,
      leadsTo(1, apply(widget('b', { replicas: 1 }))),
      leadsTo(1, patchA('{"colour":"blue"}')),
      leadsTo(0, patchA('{"colour":"blue"}')),
      leadsTo(1, run('scale wi a --replicas=4')),
      leadsTo(1, run('delete wi b')),
      leadsTo(1, run('delete wi a')),
    ),
  ),
  script(
    'watch events',
    apply(widget('a')),
    watching(
      run('get wi -w --output-watch-events'),
      2,
      leadsTo(1, apply(widget('b'))),
      leadsTo(1, patchA('{"note":"x"}')),
      leadsTo(1, runWith('patch wi a --subresource=status --type=merge -p', '{"status":{"replicas":3}}')),
      leadsTo(1, run('label wi b a=b')),
      leadsTo(1, run('delete wi a')),
      leadsTo(1, apply(widget('a'))),
      leadsTo(2, run('delete wi --all')),
    ),
  ),
  script(
    'watch what a selector chooses',
    apply(widget('a')),
    watching(
      run('get wi -l app=test -w --output-watch-events'),
      2,
      leadsTo(1, run('label wi a more=x')),
      leadsTo(1, run('label wi a app=other --overwrite')),
      leadsTo(0, patchA('{"note":"unseen"}')),
      leadsTo(1, run('label wi a app=test --overwrite')),
      leadsTo(1, run('delete wi a')),
    ),
  ),
  script(
    'watch one object',
    apply(`${widget('a')}---\n${widget('b')}`),
    watching(
      run('get wi a -w --output-watch-events -o wide'),
      2,
      leadsTo(0, run('delete wi b')),
      leadsTo(1, patchA('{"colour":"red"}')),
      leadsTo(1, hold('wi a')),
      leadsTo(1, run('delete wi a --wait=false')),
      leadsTo(1, release('wi a')),
    ),
  ),
  script(
    'watch by a template',
    apply(widget('a')),
    watching(
      runWith('get wi -w -o', 'jsonpath={.metadata.name} {.spec.colour} {.metadata.generation}{"\\n"}'),
      1,
      leadsTo(1, patchA('{"colour":"red"}')),
      leadsTo(1, run('delete wi a')),
    ),
  ),
  script(
    'watch a built-in kind',
    run('create configmap c --from-literal=a=1'),
    watching(
      run('get cm -w --output-watch-events'),
      2,
      leadsTo(1, runWith('patch cm c -p', '{"data":{"b":"2"}}')),
      leadsTo(1, run('create configmap d')),
      leadsTo(1, run('delete cm c')),
    ),
  ),
  script(
    'watch names',
    run('create configmap c --from-literal=a=1'),
    watching(
      run('get cm c -w -o name'),
      1,
      leadsTo(1, run('label cm c a=b')),
      leadsTo(1, run('delete cm c')),
    ),
  ),
];

/** A config map that the widget `a` owns, whose uid was kept. */
function dependent(name: string, { finalizers = '', owners = '', uid = '{kept}' } = {}): Command {
  const owner = `apiVersion: example.com/v1, kind: Widget, name: a, uid: "${uid}", blockOwnerDeletion: true`;
  return run(
    'create -f -',
    `apiVersion: v1
kind: ConfigMap
metadata: {name: ${name}, finalizers: [${finalizers}], ownerReferences: [{${owner}}${owners}]}
`,
  );
}

const makeOwner = apply(widget('a'));
const keepUid = keep(run('get wi a -o jsonpath={.metadata.uid}'));
const isGone = (what: string) => run(`wait ${what} --for=delete --timeout=90s`);

/**
 * The garbage collector has seen all that was made before this, as it has taken away what has an owner that never was,
 * and it takes everything in its turn. Dependents that it does not know of when their owner goes are lost.
 */
const seenByCollector = [
  dependent('unowned', { uid: 'none' }),
  { ...isGone('cm/unowned'), isAside: true },
] as const;

/**
 * What goes with what it belongs to, and who waits for it. A watch that ends within a second kubectl complains of, but
 * on HTTP/1.1 only: what is to time out takes longer.
 */
const deletions: readonly Script[] = [
  script(
    'delete in the background',
    makeOwner,
    keepUid,
    dependent('one'),
    dependent('two', { finalizers: HOLD }),
    run('create configmap free'),
    run('delete wi a --cascade=background --timeout=90s'),
    isGone('cm/one'),
    runWith('wait cm/two --timeout=90s', '--for=jsonpath={.metadata.deletionTimestamp}'),
    run('get cm'),
    release('cm two'),
    isGone('cm/two'),
    run('get cm -o name'),
  ),
  script(
    'delete in the foreground',
    makeOwner,
    keepUid,
    dependent('one'),
    dependent('two'),
    ...seenByCollector,
    run('delete wi a --cascade=foreground --timeout=90s'),
    fails(run('get wi a')),
    run('get cm'),
  ),
  script(
    'delete in the foreground what is held',
    makeOwner,
    keepUid,
    dependent('one', { finalizers: HOLD }),
    fails(run('delete wi a --cascade=foreground --timeout=3s')),
    runWith('wait cm/one --timeout=90s', '--for=jsonpath={.metadata.deletionTimestamp}'),
    run('get wi a -o jsonpath={.metadata.finalizers}'),
    run('get wi a'),
    run('delete wi a --cascade=foreground --wait=false'),
    release('cm one'),
    isGone('wi/a'),
    run('get cm,wi'),
  ),
  script(
    'delete and orphan',
    makeOwner,
    keepUid,
    dependent('one'),
    ...seenByCollector,
    run('delete wi a --cascade=orphan --timeout=90s'),
    fails(run('get wi a')),
    run('get cm one -o jsonpath={.metadata.ownerReferences}'),
    run('get cm -o name'),
  ),
  script(
    'delete the one of two owners',
    makeOwner,
    keepUid,
    run('create configmap other'),
    dependent('one'),
    keep(run('get cm other -o jsonpath={.metadata.uid}')),
    runWith(
      'patch cm one --type=json -p',
      '[{"op":"add","path":"/metadata/ownerReferences/-","value":{"apiVersion":"v1","kind":"ConfigMap","name":"other","uid":"{kept}"}}]',
    ),
    run('delete wi a --timeout=90s'),
    runWith('wait cm/one --timeout=90s', '--for=jsonpath={.metadata.ownerReferences[0].name}=other'),
    runWith('get cm one -o', 'jsonpath={.metadata.ownerReferences[*].name}'),
    run('delete cm other --cascade=foreground --timeout=90s'),
    isGone('cm/one'),
  ),
  script(
    'delete and wait, or not',
    apply(widget('a')),
    hold('wi a'),
    fails(run('delete wi a --timeout=3s')),
    run('delete wi a --wait=false'),
    run('delete wi a --now --wait=false'),
    run('get wi a -o jsonpath={.metadata.finalizers}'),
    fails(run('wait wi/a --for=delete --timeout=3s')),
    release('wi a'),
    run('delete wi a --ignore-not-found'),
    apply(widget('b')),
    run('delete wi b --grace-period=0 --force'),
    fails(run('delete wi b --cascade=sideways')),
    run('delete wi,cm --all'),
  ),
];

/** What happens to objects over time, as people watch and wait for it. */
export const lives: readonly Script[] = [...watches, ...deletions];
