#!/bin/sh
# Stops it when it is removed, and not when it is upgraded ("upgrade" to dpkg, 1 to rpm).
set -e
case "${1:-}" in
upgrade | 1) ;;
*) [ ! -d /run/systemd/system ] || systemctl disable --now wxcast.service wxcast-sync.timer ;;
esac
