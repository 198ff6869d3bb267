#!/bin/sh
# Asked by ssh-add for a passphrase: a pipe holds it, for few readers.
exec cat -- "$SYMBOLON_ASKPASS"
