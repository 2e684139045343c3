#!/bin/bash
# Exit with 0 if the server in this container answers. Bash alone: `tbot ping` would unpack 24 MB into /tmp each time, and
# leave them there whenever Docker kills it for being slow.
exec 3<>"/dev/tcp/127.0.0.1/${TBOT_PORT:-8080}" || exit 1
printf 'GET /healthcheck HTTP/1.0\r\n\r\n' >&3
read -r -t "${HEALTHCHECK_WITHIN_S:-4}" status <&3 && [[ $status == *" 200 "* ]]
