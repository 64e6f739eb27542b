/** The longest message that a condition may have. */
const LONGEST_MESSAGE = 4096;

/** Reason and message, whoever they come from, within what the API takes: a status it refuses would tell nobody anything. */
export function worded({ reason, message }: { readonly reason: string; readonly message: string }): {
  reason: string;
  message: string;
} {
  const isWord = /^[A-Za-z][A-Za-z0-9]{0,127}$/.test(reason);
  return { reason: isWord ? reason : 'HostProblem', message: message.slice(0, LONGEST_MESSAGE) };
}
