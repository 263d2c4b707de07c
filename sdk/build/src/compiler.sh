#!/bin/sh
# The compiler, told to name crates after what they are: cargo names those that are no one's release after
# where they lie, and their names are in what is made of them.
case "$CARGO_MANIFEST_DIR" in
*/registry/src/* | */git/checkouts/* | "${ATTUNE_STD:-/nowhere}"/*) ;;
*)
    for word do
        shift
        case "$word" in
        metadata=*) word="metadata=$CARGO_PKG_NAME-$CARGO_PKG_VERSION" ;;
        esac
        set -- "$@" "$word"
    done
    ;;
esac
exec "$@"
