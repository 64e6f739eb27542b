const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
/** What firmware that was not given a uuid says. */
const UNSET = /^(0|-)+$|^(f|-)+$/;

/**
 * The uuid of the guest that told these, when it is not the guest of the VM `uuid` ("comparing the VM's UUID through via agents",
 * SO-MVDS section 5); undefined when it is, and when the guest cannot tell: a kernel without SMBIOS, or an agent that may not read it.
 * A guest may know more than one uuid, and one of them is enough: after a restore from a memory image, SMBIOS still has the uuid that
 * the image was made with.
 */
export function otherGuest(uuid: string, told: readonly string[]): string | undefined {
  const known = told.map((each) => each.toLowerCase()).filter((each) => UUID.test(each) && !UNSET.test(each));
  return known.some((each) => each === uuid || swapped(each) === uuid) ? undefined : known[0];
}

/** With the bytes of the first three fields reversed: SMBIOS before 2.6 did not say in which order they are, and kernels differ. */
function swapped(uuid: string): string {
  const [first = '', second = '', third = '', ...rest] = uuid.split('-');
  return [...[first, second, third].map(bytesReversed), ...rest].join('-');
}

function bytesReversed(digits: string): string {
  return (digits.match(/../g) ?? []).reverse().join('');
}
