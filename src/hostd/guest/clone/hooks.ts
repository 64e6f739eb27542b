import { HOOKS_FOLDER } from './prelude.ts';

/**
 * Runs the hooks; those that ended well do not run twice for one clone, however often it is interrupted. What a hook leaves running has its
 * output in a file, so that nobody waits for it.
 */
export const hookRunner = `part=hooks
if [ "$on_clone" = Hook ] && [ -d ${HOOKS_FOLDER} ]; then
  b mkdir -p "$work/hooks"
  export COPPICE_UUID="$uuid" COPPICE_FROM_UUID="$from" COPPICE_HOSTNAME="$hostname" COPPICE_MAC="$mac"
  for hook in ${HOOKS_FOLDER}/*; do
    [ -f "$hook" ] || continue
    name=\${hook##*/}
    [ ! -e "$work/hooks/$name" ] || continue
    [ -x "$hook" ] || cannot "the hook $name is not executable: make it so (chmod +x), or remove it"
    code=0
    "$hook" >"$work/output" 2>&1 </dev/null || code=$?
    if [ "$code" != 0 ]; then
      b tail -c 2048 "$work/output" >&2
      cannot "the hook $name ended with exit code $code"
    fi
    : >"$work/hooks/$name"
  done
fi
`;
