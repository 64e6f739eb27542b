/** How a guest runs under Xen: PVH and HVM need a CPU with hardware virtualisation. */
export type GuestType = 'PV' | 'PVH' | 'HVM';

/**
 * The type of a guest under Xen: the template's, if it names one; otherwise PV for a guest with a kernel, and HVM for one that firmware
 * boots.
 * @param hasKernel whether the hypervisor starts a kernel directly
 */
export function guestTypeOf(
  hasKernel: boolean,
  xen: { readonly type?: GuestType | undefined; readonly bootLoader?: unknown } | undefined,
): GuestType {
  if (xen?.type !== undefined) return xen.type;
  return hasKernel || xen?.bootLoader !== undefined ? 'PV' : 'HVM';
}
