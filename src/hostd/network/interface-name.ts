/** What Linux and `ip` take as the name of a network interface, without characters that a shell or a path would mind. */
const INTERFACE_NAME = /^[A-Za-z0-9][-_.A-Za-z0-9]{0,14}$/;

export function isInterfaceName(text: string): boolean {
  return INTERFACE_NAME.test(text);
}
