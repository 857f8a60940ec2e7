#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Usage: server.sh start redis|postgres FOLDER [PORT]
#        server.sh start prometheus FOLDER HOST:PORT        (the target to scrape)
#        server.sh stop|kill FOLDER
#
# Starts a server on loopback for a test, with all its files in FOLDER, and prints its port; a second start in the same folder takes the
# same port and data. `stop` ends it by its process id, `kill` does so without a warning. Exit code 77: it is not installed. With JOUST_OWNER=PID the
# server ends with that process too.
set -eu
verb=$1
shift

listens() # port
{
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

free_port()
{
    local port
    while :; do
        port=$((20000 + (RANDOM * 32768 + RANDOM) % 30000))
        listens "$port" || break
    done
    echo "$port"
}

# PostgreSQL does not run as root. This takes the place of the shell, so that its process id is that of the server.
exec_unprivileged()
{
    if ((EUID == 0)); then
        exec setpriv --reuid=postgres --regid=postgres --clear-groups -- "$@"
    fi
    exec "$@"
}

postgres_folder()
{
    local tool
    tool=$(find /usr/lib/postgresql -maxdepth 3 -name initdb 2>/dev/null | sort -V | tail -n 1)
    [[ -n $tool ]] || tool=$(command -v initdb)
    [[ -n $tool ]] && dirname "$tool"
}

ended() # pid
{
    ! kill -0 "$1" 2>/dev/null || [[ $(ps -o stat= -p "$1" 2>/dev/null) == Z* ]]
}

end_with_owner() # pid
{
    [[ -n ${JOUST_OWNER:-} ]] || return 0
    (
        while kill -0 "$JOUST_OWNER" 2>/dev/null && ! ended "$1"; do sleep 1; done
        ended "$1" || kill "$1"
    ) </dev/null >/dev/null 2>&1 &
}

start()
{
    local kind=$1 folder=$2 port pid tries bin
    mkdir -p "$folder"
    folder=$(cd "$folder" && pwd)
    for ((tries = 0; tries < 5; ++tries)); do
        if [[ $kind != prometheus && -n ${3:-} ]]; then
            port=$3
        elif [[ -f $folder/port ]]; then
            port=$(<"$folder/port")
        else
            port=$(free_port)
        fi
        case $kind in
        redis)
            command -v redis-server >/dev/null || exit 77
            redis-server --port "$port" --bind 127.0.0.1 --dir "$folder" --save '' --appendonly yes --appendfsync always \
                --maxmemory-policy noeviction --daemonize no </dev/null >>"$folder/log" 2>&1 &
            pid=$!
            ;;
        postgres)
            bin=$(postgres_folder) || exit 77
            ((EUID != 0)) || chown postgres "$folder"
            if [[ ! -d $folder/data ]]; then
                (exec_unprivileged "$bin/initdb" -D "$folder/data" -A trust -U joust -E UTF8 --locale=C --no-sync --no-instructions) >"$folder/log" 2>&1
            fi
            # A server that was killed leaves its locks, and they name a process id that may be in use again, or not be reaped yet. The
            # folder is this script's own, and the one server in it has ended.
            rm -f "$folder/data/postmaster.pid" "$folder"/.s.PGSQL.*
            exec_unprivileged "$bin/postgres" -D "$folder/data" -p "$port" -h 127.0.0.1 -k "$folder" -F \
                -c shared_buffers=8MB -c max_connections=40 </dev/null >>"$folder/log" 2>&1 &
            pid=$!
            ;;
        prometheus)
            command -v prometheus >/dev/null || exit 77
            printf 'global: {scrape_interval: 1s}\nscrape_configs:\n- job_name: joust\n  static_configs: [{targets: ["%s"]}]\n' "$3" >"$folder/prometheus.yml"
            prometheus --config.file="$folder/prometheus.yml" --storage.tsdb.path="$folder/data" \
                --web.listen-address="127.0.0.1:$port" </dev/null >>"$folder/log" 2>&1 &
            pid=$!
            ;;
        *)
            echo "no such server: $kind" >&2
            exit 2
            ;;
        esac
        echo "$pid" >"$folder/pid"
        local i
        for ((i = 0; i < 1200; ++i)); do
            if ended "$pid"; then break; fi
            if listens "$port" && { [[ $kind != postgres ]] || "$bin/pg_isready" -q -h 127.0.0.1 -p "$port"; }; then
                echo "$port" >"$folder/port"
                end_with_owner "$pid"
                echo "$port"
                exit 0
            fi
            sleep 0.05
        done
        # The port was taken, or the sessions of a server that was killed have not ended yet.
        ended "$pid" || kill "$pid"
        sleep 0.3
    done
    echo "server.sh: $kind does not start:" >&2
    tail -n 5 "$folder/log" >&2
    exit 1
}

stop() # signal, folder
{
    local pid i
    [[ -f $2/pid ]] || return 0
    pid=$(<"$2/pid")
    ended "$pid" || kill -s "$1" "$pid"
    for ((i = 0; i < 1200; ++i)); do
        if ended "$pid"; then
            rm -f "$2/pid"
            return 0
        fi
        sleep 0.05
    done
    echo "server.sh: process $pid does not end" >&2
    return 1
}

case $verb in
start) start "$@" ;;
stop) stop INT "$1" ;;  # PostgreSQL ends its sessions; TERM would wait for them
kill) stop KILL "$1" ;;
*)
    sed -n '4,6s/^# //p' "$0" >&2
    exit 2
    ;;
esac
