/** What people type, as scripts: each runs in a namespace of its own on both servers. */

/** One command; `input` goes to its standard input, and `{}` in it stands for nothing. */
export interface Command {
  readonly args: readonly string[];
  readonly input?: string;
  /** What the editor does, as a sed script, where the command opens one. */
  readonly editing?: string;
  /** It must end with exit code 1, others with 0. */
  readonly fails?: true;
}

export interface Script {
  readonly name: string;
  readonly commands: readonly Command[];
}

function script(name: string, ...commands: Command[]): Script {
  return { name, commands };
}

function run(line: string, input?: string): Command {
  const args = line.split(' ');
  return input === undefined ? { args } : { args, input };
}

function fails(command: Command): Command {
  return { ...command, fails: true };
}

/** An argument with blanks in it comes last. */
function runWith(line: string, last: string): Command {
  return { args: [...line.split(' '), last] };
}

function edit(line: string, editing: string): Command {
  return { args: line.split(' '), editing };
}

interface WidgetFields {
  readonly colour?: string;
  readonly replicas?: number;
  readonly labels?: string;
  readonly more?: string;
}

function widget(
  name: string,
  { colour = 'green', replicas = 2, labels = 'app: test', more = '' }: WidgetFields = {},
): string {
  return `apiVersion: example.com/v1
kind: Widget
metadata: {name: ${name}, labels: {${labels}}}
spec: {colour: ${colour}, replicas: ${replicas}, parts: [{name: left, weight: 1}]${more}}
`;
}

const apply = (manifest: string): Command => run('apply -f -', manifest);
const applyOnServer = (manifest: string, more = ''): Command =>
  run(`apply --server-side -f -${more}`, manifest);
const READY = '{"status":{"conditions":[{"type":"Ready","status":"True","reason":"Tested"}],"replicas":2}}';
const makeReady = runWith('patch wi a --subresource=status --type=merge -p', READY);
const ACCOUNT = 'apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: robot}\n';
const POOL = `apiVersion: coppice.dev/v1alpha1
kind: IPPool
metadata: {name: pool}
spec: {prefix: 24, ranges: [{start: 10.0.0.10, end: 10.0.0.20}]}
`;

export const scripts: readonly Script[] = [
  script(
    'apply',
    apply(widget('a')),
    apply(widget('a')),
    apply(widget('a', { colour: 'blue' })),
    run('get wi a -o yaml'),
    apply(widget('a', { colour: 'blue', labels: '' })),
    run('get wi a --show-labels'),
  ),
  script(
    'apply what is wrong',
    fails(apply(widget('a', { colour: 'mauve' }))),
    fails(apply(widget('a', { more: ', shape: round' }))),
    fails(apply(widget('A_'))),
    fails(apply('kind: Nothing\napiVersion: example.com/v1\nmetadata: {name: x}\n')),
    fails(apply('{{')),
    fails(apply(widget('a', { colour: 'red', replicas: 20 }))),
    run('apply --validate=warn -f -', widget('a', { more: ', shape: round' })),
    run('apply --dry-run=server -f -', widget('b')),
    run('get wi'),
  ),
  script(
    'apply on the server',
    applyOnServer(widget('a'), ' --field-manager=one'),
    fails(applyOnServer(widget('a', { colour: 'blue' }), ' --field-manager=two')),
    applyOnServer(widget('a', { colour: 'blue' }), ' --field-manager=two --force-conflicts'),
    run('get wi a --show-managed-fields -o yaml'),
    apply(widget('a', { colour: 'red' })),
  ),
  script(
    'apply many and prune',
    apply(`${widget('a')}---\n${widget('b')}`),
    run('apply --prune -l app=test --prune-allowlist=example.com/v1/Widget -f -', widget('a')),
    run('get wi -o name'),
  ),
  script(
    'diff',
    apply(widget('a')),
    run('diff -f -', widget('a')),
    fails(run('diff -f -', widget('a', { colour: 'blue' }))),
    fails(run('diff --server-side -f -', widget('a', { replicas: 5 }))),
    fails(run('diff -f -', widget('new'))),
  ),
  script(
    'edit',
    apply(widget('a')),
    edit('edit wi a', 's/colour: green/colour: red/'),
    edit('edit wi a', 's/nothing/here/'),
    edit('edit wi a', 's/replicas: 2/replicas: 5/'),
    run('get wi a -o jsonpath={.spec}'),
  ),
  script(
    'patch',
    apply(widget('a')),
    runWith('patch wi a --type=merge -p', '{"spec":{"note":"a b"}}'),
    runWith('patch wi a --type=json -p', '[{"op":"replace","path":"/spec/size","value":"big"}]'),
    fails(runWith('patch wi a --type=strategic -p', '{"spec":{}}')),
    fails(runWith('patch wi a --type=merge -p', '{"spec":{"colour":"mauve"}}')),
    fails(runWith('patch wi a --type=json -p', '[{"op":"test","path":"/spec/size","value":"x"}]')),
    fails(runWith('patch wi none --type=merge -p', '{}')),
    runWith('patch wi a --type=merge -p', '{"spec":{"note":"a b"}}'),
    run('get wi a -o jsonpath={.spec}'),
  ),
  script(
    'replace',
    run('create -f -', widget('a')),
    fails(run('create -f -', widget('a'))),
    run('replace -f -', widget('a', { colour: 'blue' })),
    run('replace --force -f -', widget('a', { colour: 'red' })),
    fails(run('replace -f -', widget('none'))),
    run('get wi a -o jsonpath={.spec.colour}'),
  ),
  script(
    'get',
    apply(`${widget('a')}---\n${widget('b', { colour: 'red', replicas: 1, labels: 'app: other' })}`),
    makeReady,
    run('get wi'),
    run('get wi -o wide'),
    run('get wi -o name'),
    run('get widgets.example.com a -o json'),
    run('get wi -L app'),
    run('get wi --no-headers'),
    run('get wi --sort-by=.spec.replicas'),
    run('get wi -l app=test'),
    run('get wi -l app!=test'),
    run('get wi --field-selector=metadata.name=b'),
    run('get wi --field-selector=spec.colour=red'),
    fails(run('get wi --field-selector=spec.note=x')),
    runWith('get wi -o', 'jsonpath={range .items[*]}{.metadata.name}={.spec.replicas} {end}'),
    run('get wi -o custom-columns=N:.metadata.name,C:.spec.colour'),
    run('get wi a b'),
    fails(run('get wi a none')),
    fails(run('get nothing')),
    run('get wi,cm'),
    run('get examples'),
    run('get wi --chunk-size=1 -o name'),
    run('get --raw /apis/example.com'),
    run('get wi -w --output-watch-events --request-timeout=1s'),
    run('get wi a -w -o name --request-timeout=1s'),
  ),
  script(
    'get nothing',
    run('get wi'),
    run('get wi -o yaml'),
    run('get wi none --ignore-not-found'),
    fails(run('get cm none')),
  ),
  script(
    'describe',
    apply(widget('a')),
    makeReady,
    run('describe wi a'),
    fails(run('describe wi none')),
    run('create configmap c --from-literal=k=v'),
    run('describe cm c'),
    run('create secret generic s --from-literal=k=v'),
    run('describe secret s'),
    apply(ACCOUNT),
    run('describe sa robot'),
  ),
  script(
    'explain',
    run('explain widgets'),
    run('explain widgets --recursive'),
    run('explain widgets.spec.parts'),
    run('explain wi.spec.colour'),
    fails(run('explain wi.spec.nothing')),
    run('explain ippools --recursive'),
    run('explain sd.spec.services.template'),
    run('explain va.status.conditions'),
    run('explain configmap.data'),
    fails(run('explain nothing')),
  ),
  script(
    'wait',
    apply(widget('a')),
    makeReady,
    run('wait wi/a --for=condition=Ready --timeout=20s'),
    runWith('wait wi/a --timeout=20s', '--for=jsonpath={.spec.colour}=green'),
    fails(run('wait wi/a --for=condition=Ready=False --timeout=1s')),
    fails(run('wait wi/none --for=condition=Ready --timeout=1s')),
    run('wait wi/none --for=delete --timeout=5s'),
    run('delete wi a --wait=false'),
    run('wait wi/a --for=delete --timeout=20s'),
  ),
  script(
    'scale',
    apply(widget('a')),
    run('scale wi/a --replicas=7'),
    fails(run('scale wi/a --current-replicas=3 --replicas=4')),
    fails(run('scale wi a --replicas=101')),
    fails(run('scale wi none --replicas=1')),
    fails(run('scale ippool pool --replicas=1')),
    run('get wi a -o jsonpath={.spec.replicas}'),
  ),
  script(
    'delete',
    apply(`${widget('a')}---\n${widget('b')}---\n${widget('c')}`),
    run('delete wi a'),
    fails(run('delete wi a')),
    run('delete wi a --ignore-not-found'),
    run('delete wi b --dry-run=server'),
    run('delete wi b --cascade=foreground --timeout=30s'),
    run('delete -f -', widget('c')),
    apply(`${widget('a')}---\n${widget('b')}`),
    run('delete wi -l app=test'),
    apply(`${widget('a')}---\n${widget('b')}`),
    run('delete wi --all --wait=false'),
    run('get wi'),
  ),
  script(
    'label and annotate',
    apply(widget('a')),
    run('label wi a tier=front'),
    fails(run('label wi a tier=back')),
    run('label wi a tier=back --overwrite'),
    run('label wi a tier-'),
    fails(run('label wi a b@d=x')),
    run('annotate wi a example.com/why=because'),
    run('annotate wi a example.com/why-'),
    runWith('get wi a -o', 'jsonpath={.metadata.labels} {.metadata.annotations.example\\.com/why}'),
  ),
  script(
    'create what kubectl knows',
    run('create namespace made-{ns} --dry-run=server'),
    run('create serviceaccount robot'),
    run('create role r --verb=get,list --resource=widgets.example.com,configmaps'),
    run('create rolebinding b --role=r --serviceaccount={ns}:robot'),
    run('create clusterrole {ns} --verb=get --resource=widgets'),
    run('create clusterrolebinding {ns} --clusterrole={ns} --user=ann'),
    run('get role,rolebinding'),
    run('get rolebinding -o wide'),
    run('describe role r'),
    run('describe rolebinding b'),
    run('get role r -o yaml'),
    run('create configmap c --from-literal=a=1 -o yaml'),
  ),
  script(
    'auth',
    run('auth can-i create widgets'),
    fails(run('auth can-i create widgets --as=nobody')),
    run('auth whoami -o jsonpath={.status.userInfo.username}'),
    run('create role r --verb=get,list --resource=widgets.example.com'),
    run('create rolebinding b --role=r --user=ann'),
    run('auth can-i list widgets --as=ann'),
    fails(run('auth can-i delete widgets --as=ann')),
    fails(run('auth can-i list widgets --as=ann -n default')),
    run('get wi --as=ann'),
    fails(run('get cm --as=ann')),
    run('auth can-i --list --as=ann'),
    run(
      'auth reconcile -f -',
      'apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: r, namespace: {ns}}\nrules: [{apiGroups: [""], resources: [secrets], verbs: [get]}]\n',
    ),
    run('get role r -o jsonpath={.rules}'),
  ),
  script(
    'events',
    apply(widget('a')),
    run(
      'create -f -',
      'apiVersion: v1\nkind: Event\nmetadata: {name: e}\ninvolvedObject: {apiVersion: example.com/v1, kind: Widget, name: a, namespace: {ns}}\nreason: Tested\nmessage: it was\ntype: Warning\nfirstTimestamp: "2026-01-01T00:00:00Z"\nlastTimestamp: "2026-01-01T00:00:00Z"\ncount: 3\n',
    ),
    run('events'),
    run('events --for=wi/a'),
    run('events --types=Warning'),
    run('events --types=Normal'),
    run('get events'),
    run('get events -o wide'),
    run('get ev --field-selector=type=Warning -o name'),
    run('describe wi a'),
  ),
  script(
    'api-resources',
    run('api-resources --api-group=example.com'),
    run('api-resources --api-group=coppice.dev -o wide'),
    run('api-resources --api-group=rbac.authorization.k8s.io'),
    run('api-resources --categories=examples -o name'),
    run('api-resources --api-group=coordination.k8s.io'),
  ),
  script(
    'our own kinds',
    apply(POOL),
    run('get pool'),
    run('get pool -o wide'),
    fails(apply(POOL.replace('prefix: 24', 'prefix: 33'))),
    fails(runWith('patch pool pool --type=merge -p', '{"spec":{"family":"IPv6"}}')),
    run('describe pool pool'),
    run('get coppice'),
    run('delete pool pool'),
  ),
  script(
    'a namespace',
    run('create namespace made-{ns}'),
    run('create configmap c -n made-{ns} --from-literal=a=1'),
    run('get ns made-{ns}'),
    run('label ns made-{ns} a=b'),
    run('delete ns made-{ns} --timeout=60s'),
    fails(run('get ns made-{ns}')),
    fails(run('create configmap c -n made-{ns}')),
  ),
];
