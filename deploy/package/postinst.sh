#!/bin/sh
# Makes the user that the unit runs as. Nothing is started: the configuration is to be filled in.
set -e
getent group wxcast > /dev/null || groupadd --system wxcast
getent passwd wxcast > /dev/null ||
	useradd --system --gid wxcast --home-dir /var/lib/wxcast --no-create-home --shell /usr/sbin/nologin wxcast
chown root:wxcast /etc/wxcast /etc/wxcast/wxcast.yaml
chmod 750 /etc/wxcast
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload
	systemctl try-restart wxcast.service # an upgrade: the new version takes over
fi
