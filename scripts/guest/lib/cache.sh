# Builds that are made once and found again. Sourced by a builder, which has $out (the folder), $links (the names of a build's
# files), `builder_files` (everything a build follows from besides packages, as text), `check_machine`, and `build KEY`, which
# leaves a whole build in $work/build.

builder_hash() { builder_files | sha256sum | cut -c1-64; }

# hash_files FOLDER…: a line for each file below them.
hash_files() { find "$@" -type f -print0 | sort -z | xargs -0 sha256sum; }

# What the last call looked at. Asking apt takes a second, comparing its files' times takes milliseconds.
inputs_fingerprint() {
  { builder_hash
    # Some folders there are for root's eyes only.
    { find /var/lib/apt/lists /var/lib/dpkg/status /etc/apt -type f -printf '%p %s %T@\n' 2> /dev/null || true; } | sort
  } | sha256sum | cut -c1-64
}

is_whole() { [ -s "$1/manifest.json" ]; }

# The links are made first and never change: all follow the one link 'current', which mv replaces atomically.
publish() {
  local key=$1 name
  for name in $links; do
    [ -L "$out/$name" ] || ln -sfn "current/$name" "$out/$name"
  done
  ln -sfn "builds/$key" "$out/.current.$$"
  mv -T "$out/.current.$$" "$out/current"
  printf '%s\n' "$2" > "$out/.checked.tmp"
  mv "$out/.checked.tmp" "$out/.checked"
}

# Prints the folder of the finished build, which it makes where there is none of these inputs.
build_once() {
  mkdir -p "$out/builds"
  out=$(cd "$out" && pwd)
  exec 9> "$out/.lock"
  flock 9
  if [ "$(cat "$out/.checked" 2> /dev/null)" = "$(inputs_fingerprint)" ] && is_whole "$out/current"; then
    readlink -f "$out/current"
    return
  fi
  check_machine
  # Beside the result, so that the last step is a rename; what a killed build left there goes now.
  rm -rf "$out"/.work.*
  work=$(mktemp -d "$out/.work.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  local key
  resolve_packages
  key=$({ builder_hash; cat "$work/packages.txt"; } | sha256sum | cut -c1-16)
  if ! is_whole "$out/builds/$key"; then
    mkdir "$work/build"
    build "$key"
    chmod 0444 "$work/build"/*
    sync "$work/build"/*
    rm -rf "$out/builds/${key:?}" # half of one, from a machine that stopped
    mv -T "$work/build" "$out/builds/$key"
  fi
  publish "$key" "$(inputs_fingerprint)"
  readlink -f "$out/current"
}
