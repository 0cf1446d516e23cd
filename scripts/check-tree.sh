#!/usr/bin/env bash
# Looks through the tree for what no other linter finds.
set -euo pipefail
cd "$(dirname "$0")/.."

status=0
complain() {
    status=1
    printf '%s\n%s\n' "error: $1:" "$2" >&2
}

# Tracked, and new but not ignored; without git, whatever is there. The generated code
# is its generator's.
files_of_tree() {
    git ls-files -z --cached --others --exclude-standard -- ':!crates/api/src/generated' ||
        find . \( -path ./.git -o -path ./target -o -path ./crates/api/src/generated \) -prune \
            -o -type f -print0
}
mapfile -d '' files < <(files_of_tree)

found=$(grep -IsnE '(^|[^[:alnum:]_.~-])/(home|root|Users|work)/' -- "${files[@]}") &&
    complain "a path of somebody's machine" "$found"

found=$(grep -IsnE '^(<{7}|>{7}|={7})( |$)' -- "${files[@]}") &&
    complain "a conflict that was not resolved" "$found"

# A function over the limit of clippy.toml says why.
found=$(grep -IsPzoH '#!?\[(allow|expect)\((?![^\]]*reason)[^\]]*too_many_lines[^\]]*\]' \
    -- "${files[@]}" | tr '\0' '\n') &&
    complain "too_many_lines without a reason" "$found"

# The tables of the documents name tests: the last cell of a row, in backticks.
named=$(grep -hoE '\|[^|]*\|$' docs/reliability.md docs/security.md | grep -oE '`[a-z0-9_]+`' | tr -d '`' | sort -u)
missing=$(for name in $named; do
    grep -rqsE "fn $name\b" --include='*.rs' --exclude-dir=target . || echo "$name"
done)
[ -z "$missing" ] || complain "docs/reliability.md or docs/security.md names tests that do not exist" "$missing"

exit "$status"
