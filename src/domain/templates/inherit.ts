import type { Template } from '../../api/kinds.ts';
import { DEPTH_LIMIT } from './tree.ts';

type Guest = Template['spec']['guest'];
type Container = NonNullable<Template['spec']['container']>;

/** What runs services where no template of a chain says it. */
const DEFAULT_CONTAINER: Container = { type: 'command', port: 80, scheme: 'http' };

/** A template with what it has from its parents. */
export type WholeTemplate = Template & { readonly spec: { readonly container: Container } };

/**
 * A template with all that it leaves to its parent: the container, and of its guest each setting that it does not make. Settings that
 * make sense together only are taken together. What was inherited once stays: it is not asked whether the parent is still shared.
 * @param parentOf undefined for a template without a parent, and for a parent that is missing
 */
export function wholeTemplate(
  template: Template,
  parentOf: (child: Template) => Template | undefined,
  depth: number = DEPTH_LIMIT,
): WholeTemplate {
  const found = depth > 1 ? parentOf(template) : undefined;
  const parent = found && wholeTemplate(found, parentOf, depth - 1);
  const { spec, status } = template;
  const container = spec.container ?? parent?.spec.container ?? DEFAULT_CONTAINER;
  if (parent === undefined) return { ...template, spec: { ...spec, container } };
  const guest = guestOf(spec.guest, parent.spec.guest);
  const whole = { ...template, spec: { ...spec, guest, container } };
  if (status?.layers === undefined) return whole;
  const { kernel, initrd, cd } = parent.status?.layers ?? {};
  const boot = guest.boot !== undefined && spec.guest.boot === undefined ? { kernel, initrd } : {};
  const drive = guest.cd !== undefined && spec.guest.cd === undefined ? { cd } : {};
  return { ...whole, status: { ...status, layers: { ...status.layers, ...boot, ...drive } } };
}

function guestOf(own: Guest, parents: Guest): Guest {
  const bootsItsOwnWay = own.boot !== undefined || own.firmware !== undefined;
  const { boot, firmware } = bootsItsOwnWay ? own : parents;
  const { init, agentPackages } = own.init === undefined ? parents : own;
  const inherited = {
    boot,
    firmware,
    init,
    agentPackages,
    diskBus: own.diskBus ?? parents.diskBus,
    cd: own.cd ?? parents.cd,
    onClone: own.onClone ?? parents.onClone,
    xen: own.xen ?? parents.xen,
    minimumMemory: own.minimumMemory ?? parents.minimumMemory,
  };
  const known = Object.entries(inherited).filter(([, value]) => value !== undefined);
  return { os: own.os, agent: own.agent, ...Object.fromEntries(known) };
}
