/** The signatures of CEL's operators and functions in Kubernetes, each with the rule by which kube-apiserver estimates its cost. */

import { INT, parseType, splitTypes, type Type } from './types.ts';

/** How a call's cost follows from the sizes of what it is given; `step` is one unit. */
export type CostRule =
  | 'step'
  | 'logical'
  | 'conditional'
  | 'index'
  | 'value'
  | 'equal'
  | 'compare'
  | 'addText'
  | 'addList'
  | 'inList'
  | 'argument'
  | 'receiver'
  | 'matches'
  | 'contains'
  | 'toBytes'
  | 'toText'
  | 'quote'
  | 'walk'
  | 'url'
  | 'rewrite'
  | 'replace'
  | 'split'
  | 'join'
  | 'find'
  | 'twice'
  | 'network'
  | 'networkText'
  | 'subnet'
  | 'subnetText'
  | 'validate'
  | 'sets'
  | 'setsTwice'
  | 'slice'
  | 'range'
  | 'reverse'
  | 'flatten'
  | 'distinct'
  | 'sort'
  | 'sortText';

export interface Overload {
  readonly rule: CostRule;
  readonly isMember: boolean;
  /** The receiver first, if there is one. */
  readonly parameters: readonly Type[];
  readonly result: Type;
}

/** A receiver, if any; the name; parameters; the result; the rule, if it is not `step`. */
const SIGNATURES = `
?:(bool, A, A): A conditional
&&(bool, bool): bool logical
||(bool, bool): bool logical
!_(bool): bool
@not_strictly_false(bool): bool
==(A, A): bool equal
!=(A, A): bool compare
+(bytes, bytes): bytes addText
+(double, double): double
+(duration, duration): duration
+(duration, timestamp): timestamp
+(timestamp, duration): timestamp
+(int, int): int
+(list<A>, list<A>): list<A> addList
+(string, string): string addText
+(uint, uint): uint
-(double, double): double
-(duration, duration): duration
-(int, int): int
-(timestamp, duration): timestamp
-(timestamp, timestamp): duration
-(uint, uint): uint
*(double, double): double
*(int, int): int
*(uint, uint): uint
/(double, double): double
/(int, int): int
/(uint, uint): uint
%(int, int): int
%(uint, uint): uint
-_(double): double
-_(int): int
[](list<A>, int): A index
[](map<A, B>, A): B value
[](optional<list<A>>, int): optional<A>
[](optional<map<A, B>>, A): optional<B>
[?](list<A>, int): optional<A>
[?](optional<list<A>>, int): optional<A>
[?](map<A, B>, A): optional<B>
[?](optional<map<A, B>>, A): optional<B>
in(A, list<A>): bool inList
in(A, map<A, B>): bool
size(bytes): int
size(list<A>): int
size(map<A, B>): int
size(string): int
bytes.size(): int
list<A>.size(): int
map<A, B>.size(): int
string.size(): int
type(A): type<A>
bool(bool): bool
bool(string): bool
bytes(bytes): bytes
bytes(string): bytes toBytes
double(double): double
double(int): double
double(string): double
double(uint): double
duration(duration): duration
duration(int): duration
duration(string): duration
dyn(A): dyn
int(int): int
int(double): int
int(duration): int
int(string): int
int(timestamp): int
int(uint): int
string(string): string
string(bool): string
string(bytes): string toText
string(double): string
string(duration): string
string(int): string
string(timestamp): string
string(uint): string
string(IP): string
string(CIDR): string
timestamp(timestamp): timestamp
timestamp(int): timestamp
timestamp(string): timestamp
uint(uint): uint
uint(double): uint
uint(int): uint
uint(string): uint
string.contains(string): bool contains
string.endsWith(string): bool argument
string.startsWith(string): bool argument
matches(string, string): bool
string.matches(string): bool matches
string.charAt(int): string
string.indexOf(string): int walk
string.indexOf(string, int): int walk
string.lastIndexOf(string): int walk
string.lastIndexOf(string, int): int walk
string.lowerAscii(): string rewrite
string.upperAscii(): string rewrite
string.trim(): string rewrite
string.substring(int): string rewrite
string.substring(int, int): string rewrite
string.replace(string, string): string replace
string.replace(string, string, int): string replace
string.split(string): list<string> split
string.split(string, int): list<string> split
string.format(list<dyn>): string receiver
strings.quote(string): string quote
list<string>.join(): string join
list<string>.join(string): string join
string.find(string): string find
string.findAll(string): list<string> find
string.findAll(string, int): list<string> find
list<A>.indexOf(A): int walk
list<A>.lastIndexOf(A): int walk
list<A>.slice(int, int): list<A> slice
list<list<A>>.flatten(): list<A> flatten
list<dyn>.flatten(int): list<dyn> flatten
list<A>.reverse(): list<A> reverse
list<A>.distinct(): list<A> distinct
lists.range(int): list<int> range
sets.contains(list<A>, list<A>): bool sets
sets.equivalent(list<A>, list<A>): bool setsTwice
sets.intersects(list<A>, list<A>): bool sets
optional.of(A): optional<A>
optional.none(): optional<A>
list<A>.first(): optional<A>
list<A>.last(): optional<A>
optional<A>.value(): A
optional<A>.hasValue(): bool
optional<A>.or(optional<A>): optional<A>
optional<A>.orValue(A): A
url(string): URL url
isURL(string): bool
URL.getScheme(): string
URL.getHost(): string
URL.getHostname(): string
URL.getPort(): string
URL.getEscapedPath(): string
URL.getQuery(): map<string, list<string>>
quantity(string): Quantity argument
isQuantity(string): bool argument
sign(Quantity): int
Quantity.isInteger(): bool
Quantity.asInteger(): int
Quantity.asApproximateFloat(): double
Quantity.isGreaterThan(Quantity): bool
Quantity.isLessThan(Quantity): bool
Quantity.compareTo(Quantity): int
Quantity.add(Quantity): Quantity
Quantity.add(int): Quantity
Quantity.sub(Quantity): Quantity
Quantity.sub(int): Quantity
ip(string): IP argument
isIP(string): bool argument
ip.isCanonical(string): bool twice
IP.family(): int
IP.isUnspecified(): bool
IP.isLoopback(): bool
IP.isLinkLocalMulticast(): bool
IP.isLinkLocalUnicast(): bool
IP.isGlobalUnicast(): bool
cidr(string): CIDR argument
isCIDR(string): bool argument
CIDR.containsIP(string): bool networkText
CIDR.containsIP(IP): bool network
CIDR.containsCIDR(string): bool subnetText
CIDR.containsCIDR(CIDR): bool subnet
CIDR.ip(): IP
CIDR.masked(): CIDR
CIDR.prefixLength(): int
Format.validate(string): optional<list<string>> validate
format.named(string): optional<Format>
`;

const COMPARABLE = ['int', 'uint', 'double', 'bool', 'duration', 'timestamp', 'string', 'bytes'];
const NUMBERS = ['int', 'uint', 'double'];
const FORMATS =
  'dns1123Label dns1123Subdomain dns1035Label qualifiedName dns1123LabelPrefix dns1123SubdomainPrefix dns1035LabelPrefix labelValue uri uuid byte date datetime';
const OF_TIMES =
  'getFullYear getMonth getDayOfYear getDayOfMonth getDate getDayOfWeek getHours getMinutes getSeconds getMilliseconds';
const OF_DURATIONS = 'getHours getMinutes getSeconds getMilliseconds';

function isText(type: string): boolean {
  return type === 'string' || type === 'bytes';
}

/** The signatures that there are for several types. */
function templates(): string[] {
  const mixed = NUMBERS.flatMap((a) => NUMBERS.filter((b) => b !== a).map((b) => [a, b]));
  const orders = [...COMPARABLE.map((type) => [type, type]), ...mixed].flatMap(([a = '', b = '']) =>
    ['<', '<=', '>', '>='].map((order) => `${order}(${a}, ${b}): bool ${isText(a) ? 'compare' : 'step'}`),
  );
  const lists = COMPARABLE.flatMap((type) => [
    `list<${type}>.isSorted(): bool walk`,
    `list<${type}>.max(): ${type} walk`,
    `list<${type}>.min(): ${type} walk`,
    `list<${type}>.sort(): list<${type}> ${isText(type) ? 'sortText' : 'sort'}`,
  ]);
  const sums = [...NUMBERS, 'duration'].map((type) => `list<${type}>.sum(): ${type} walk`);
  const formats = FORMATS.split(' ').map((name) => `format.${name}(): Format`);
  const times = OF_TIMES.split(' ').flatMap((name) => [
    `timestamp.${name}(): int`,
    `timestamp.${name}(string): int`,
  ]);
  const durations = OF_DURATIONS.split(' ').map((name) => `duration.${name}(): int`);
  return [...orders, ...lists, ...sums, ...formats, ...times, ...durations];
}

/** What comes before a dot and is no type. */
const NAMESPACE = /^(sets|lists|strings|optional|ip|format)\./;

function parse(signature: string): readonly [name: string, overload: Overload] {
  const [, before = '', inner = '', after = ''] = /^(.*?)\(([^)]*)\): (.+)$/.exec(signature) ?? [];
  const dot = /^\w.*\./.test(before) && !NAMESPACE.test(before) ? before.lastIndexOf('.') : -1;
  const receiver = dot < 0 ? [] : [before.slice(0, dot)];
  const [result = '', rule = 'step'] = after.split(/ (?=\w+$)/);
  const overload: Overload = {
    rule: rule as CostRule,
    isMember: dot >= 0,
    parameters: [...receiver, ...splitTypes(inner)].map(parseType),
    result: parseType(result),
  };
  return [before.slice(dot + 1), overload];
}

function parseAll(): ReadonlyMap<string, readonly Overload[]> {
  const functions = new Map<string, Overload[]>();
  for (const signature of [...SIGNATURES.trim().split('\n'), ...templates()]) {
    const [name, overload] = parse(signature);
    functions.set(name, [...(functions.get(name) ?? []), overload]);
  }
  return functions;
}

/** By name; those in a namespace have it in theirs: `sets.contains`. */
export const FUNCTIONS: ReadonlyMap<string, readonly Overload[]> = parseAll();

/** Of `a.?b`, whose type follows from that of `a`. */
export const OPTIONAL_FIELD: Overload = { rule: 'step', isMember: false, parameters: [], result: INT };
