/** Compiles the rules of a schema into a tree of the schema's shape, and collects their faults. */

import type { FieldError, JsonSchema } from '../../types.ts';
import { kubernetesEnvironment } from './environment.ts';
import type { CostBudget } from './estimate/budget.ts';
import { Declarer, maxChildren } from './estimate/declared.ts';
import { product } from './estimate/numbers.ts';
import { type CompiledRule, RuleCompiler, type RuleSizes } from './rule-compiler.ts';
import { type CelType, TypeDeclarer } from './types.ts';
import { writingFaults } from './writing-faults.ts';

/** The rules of one schema and of the schemas below it. */
export interface RuleNode {
  readonly schema: JsonSchema;
  readonly type: CelType | undefined;
  readonly rules: readonly CompiledRule[];
  readonly items: RuleNode | undefined;
  readonly additional: RuleNode | undefined;
  readonly properties: ReadonlyMap<string, RuleNode>;
}

/** The rules of a schema, and the faults for which a CRD with this schema is refused. */
export interface RuleTree {
  readonly root: RuleNode | undefined;
  readonly errors: readonly FieldError[];
}

/**
 * Compiles all rules of a resource's schema. Paths of faults start with `path`, as kube prints them. With a budget, rules that
 * may cost too much are faults, too.
 */
export function compileRules(schema: JsonSchema, path: string, budget?: CostBudget): RuleTree {
  if (!hasRules(schema)) return { root: undefined, errors: [] };
  if (budget !== undefined && lengthOfRules(schema) > MAX_LENGTH) {
    const detail = `all rules together may not be more than ${MAX_LENGTH} characters`;
    return { root: undefined, errors: [{ type: 'TooLong', field: path, detail }] };
  }
  const compiler = new TreeCompiler(schema, budget);
  const root = compiler.node(schema, { path, uncorrelatable: undefined, count: 1n, root: true });
  const { writingFaults, rules } = compiler;
  return { root, errors: [...writingFaults, ...rules.faults, ...(budget?.errors(path) ?? [])] };
}

function hasRules(schema: JsonSchema): boolean {
  return (schema['x-kubernetes-validations'] ?? []).length > 0 || below(schema).some(hasRules);
}

function below({ properties = {}, additionalProperties: extra, items }: JsonSchema): JsonSchema[] {
  const others = [extra, items].filter((schema) => typeof schema === 'object');
  return [...Object.values(properties), ...others];
}

/** Our own limit: a rule of 100,000 characters takes the one thread 0.15 s. */
const MAX_LENGTH = 200_000;

function lengthOfRules(schema: JsonSchema): number {
  const own = (schema['x-kubernetes-validations'] ?? []).map(
    ({ rule = '', messageExpression = '' }) => rule.length + messageExpression.length,
  );
  return [...own, ...below(schema).map(lengthOfRules)].reduce((sum, length) => sum + length, 0);
}

interface Place {
  readonly path: string;
  /** The list below which old and new values cannot be correlated. */
  readonly uncorrelatable: string | undefined;
  /** At most so many values of this schema can be in one object; undefined if the schema sets no bound. */
  readonly count: bigint | undefined;
  readonly root: boolean;
}

const NO_TYPE =
  'internal error: failed to construct type information for x-kubernetes-validations rules: unable to convert structural schema to CEL declarations';

class TreeCompiler {
  /** Faults in the writing of rules; if there are any, rules around them are not compiled. */
  readonly writingFaults: FieldError[] = [];
  readonly rules: RuleCompiler;
  private readonly types: TypeDeclarer;
  private readonly declarer = new Declarer();
  private readonly budget: CostBudget | undefined;

  constructor(root: JsonSchema, budget: CostBudget | undefined) {
    const environment = kubernetesEnvironment();
    this.types = new TypeDeclarer(environment);
    // Types must all be declared before the environment is cloned for the first rule.
    this.types.declare(root, true);
    this.rules = new RuleCompiler(environment);
    this.budget = budget;
  }

  node(schema: JsonSchema, place: Place): RuleNode | undefined {
    if (!hasRules(schema)) return undefined;
    const type = this.types.declare(schema, place.root);
    const below = { ...place, count: countBelow(schema, place), root: false };
    const faultsBefore = this.writingFaults.length;
    const items = this.itemsOf(schema, below);
    const additional = this.additionalOf(schema, below);
    const properties = this.propertiesOf(schema, below);
    const path = `${place.path}.x-kubernetes-validations`;
    const own = schema['x-kubernetes-validations'] ?? [];
    for (const [index, rule] of own.entries()) {
      this.writingFaults.push(...writingFaults(rule, schema, `${path}[${index}]`));
    }
    const wellWritten = this.writingFaults.length === faultsBefore;
    const rules = wellWritten ? this.rulesOf(schema, type, { ...place, path }) : [];
    return { schema, type, rules, items, additional, properties };
  }

  private itemsOf(schema: JsonSchema, place: Place): RuleNode | undefined {
    if (schema.items === undefined) return undefined;
    const correlatable = schema['x-kubernetes-list-type'] === 'map';
    const uncorrelatable = place.uncorrelatable ?? (correlatable ? undefined : place.path);
    return this.node(schema.items, { ...place, path: `${place.path}.items`, uncorrelatable });
  }

  private additionalOf({ additionalProperties: extra }: JsonSchema, place: Place): RuleNode | undefined {
    if (typeof extra !== 'object') return undefined;
    return this.node(extra, { ...place, path: `${place.path}.additionalProperties` });
  }

  private propertiesOf({ properties = {} }: JsonSchema, place: Place): ReadonlyMap<string, RuleNode> {
    const nodes = new Map<string, RuleNode>();
    for (const [name, property] of Object.entries(properties)) {
      const node = this.node(property, { ...place, path: `${place.path}.properties[${name}]` });
      if (node !== undefined) nodes.set(name, node);
    }
    return nodes;
  }

  private rulesOf(schema: JsonSchema, type: CelType | undefined, place: Place): CompiledRule[] {
    const { uncorrelatable, path: all } = place;
    const rules = schema['x-kubernetes-validations'] ?? [];
    if (type === undefined && rules.length > 0) {
      this.rules.faults.push({ type: 'InternalError', field: all, detail: NO_TYPE });
    }
    if (type === undefined) return [];
    const sizes = this.sizesOf(schema, place);
    return rules.flatMap((rule, index) =>
      this.rules.compile(rule, { path: `${all}[${index}]`, schema, type, uncorrelatable, sizes }),
    );
  }

  private sizesOf(schema: JsonSchema, { count, root }: Place): RuleSizes | undefined {
    const declared = this.budget === undefined ? undefined : this.declarer.declare(schema, root);
    return this.budget && declared && { budget: this.budget, declared, count };
  }
}

function countBelow(schema: JsonSchema, { count }: Place): bigint | undefined {
  const most = maxChildren(schema);
  return count === undefined || most === undefined ? undefined : product(count, most);
}
